//! The service: its decisions on a database in a file, and what a crash leaves of that file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use mcp_oauthd::clients::Presented;
use mcp_oauthd::clock::{Clock, Seconds};
use mcp_oauthd::error::Error;
use mcp_oauthd::grant_types::Terms;
use mcp_oauthd::grant_types::authorization_code::{self, Redemption};
use mcp_oauthd::grant_types::refresh_token::{self, Rotation};
use mcp_oauthd::oauth::{ErrorCode, OAuthError, TokenKind, TokenSecret};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::clients::Client as Row;
use mcp_oauthd::storage::{RevokedBecause, StorageError, refresh_tokens};
use tempfile::TempDir;

use crate::fixture::{Fixture, REDIRECT_URI, RESOURCE, VERIFIER};
use crate::form::Form;
use crate::model::{self, Client, Manner, Scope};
use crate::tokens::Pair;

/// Something that is asked of it, by the texts of tokens.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Authorize { client: Client },
    Redeem { code: String, manner: Manner },
    Refresh { token: String, manner: Manner },
    Use { access: String },
    Revoke { token: String, by: Client },
    Disconnect { refresh: String },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Response {
    Code(String),
    Pair(Pair),
    Refused(ErrorCode),
    /// Refused, and something has ended; which nobody is told.
    Replayed,
    Active,
    Inactive,
    Done,
}

pub(crate) struct Service {
    fixture: Fixture,
    other: Row,
}

impl Service {
    /// With two clients, before anybody has said yes: the copy of another one's files.
    pub(crate) fn like(template: &Self, lifetimes: &model::Lifetimes) -> Self {
        let clock = Clock::Manual(Arc::new(AtomicI64::new(template.fixture.clock.now_millis())));
        let mut service = template.on(&files(template.fixture.dir.path()), clock);
        service.fixture.terms = Terms {
            access_token_lifetime: Seconds(lifetimes.access),
            refresh_token_lifetime: Seconds(lifetimes.refresh),
            grant_lifetime: Seconds(lifetimes.grant),
            refresh_grace: Seconds(lifetimes.grace),
            ..service.fixture.terms
        };
        service
    }

    pub(crate) async fn template() -> Self {
        let fixture = Fixture::new().await;
        let other = fixture.register(r#""token_endpoint_auth_method":"none""#).await;
        Self { fixture, other }
    }

    pub(crate) fn now(&self) -> i64 {
        self.fixture.clock.now().0
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.fixture.clock.advance(Seconds(seconds));
    }

    pub(crate) async fn ask(&self, action: &Action) -> Response {
        let f = &self.fixture;
        let answer = match action {
            Action::Authorize { client } => {
                return Response::Code(f.code_of(self.client(*client)).await);
            }
            Action::Redeem { code, manner } => f.redeem(&self.code_form(code, *manner)).await,
            Action::Refresh { token, manner } => {
                f.refresh_with(&self.refresh_form(token, *manner)).await
            }
            Action::Use { access } => {
                let Some(described) = f.examine(access).await else { return Response::Inactive };
                let generation = described.token.generation.unwrap();
                f.write(move |conn, now| refresh_tokens::confirm(conn, generation, now)).await;
                return Response::Active;
            }
            Action::Revoke { token, by } => {
                let revoked = f.revoke_as(self.client(*by), token).await;
                return revoked
                    .map_or_else(|error| Response::Refused(error.code), |()| Response::Done);
            }
            Action::Disconnect { refresh } => return self.disconnect(refresh).await,
        };
        answered(answer)
    }

    /// What would be answered, without any trace of it.
    pub(crate) async fn would_answer(&self, action: &Action) -> Response {
        let form = match action {
            Action::Redeem { code, manner } => self.code_form(code, *manner),
            Action::Refresh { token, manner } => self.refresh_form(token, *manner),
            other => panic!("{other:?} is not undone"),
        };
        let (form, terms) = (form.parameters().unwrap(), self.fixture.terms());
        let presented = Presented::from_request(None, &form, false).unwrap();
        let exchange = move |conn: &mut _| -> Result<(), Undone> {
            let client = presented.client(conn)?;
            let response = if form.get("code").is_some() {
                let request =
                    authorization_code::Request::from_parameters(&form).map_err(Error::from)?;
                match authorization_code::exchange(conn, &client, &request, &terms)? {
                    Redemption::Issued(response) => Response::Pair(Pair::of(&response)),
                    Redemption::Replayed => Response::Replayed,
                }
            } else {
                let request =
                    refresh_token::Request::from_parameters(&form).map_err(Error::from)?;
                match refresh_token::exchange(conn, &client, &request, &terms)? {
                    Rotation::Rotated(response) => Response::Pair(Pair::of(&response)),
                    Rotation::Replayed => Response::Replayed,
                }
            };
            Err(Undone(response))
        };
        self.fixture.storage.write(exchange).await.unwrap_err().0
    }

    /// The scope of an access token that is active.
    pub(crate) async fn scope(&self, access: &str) -> Option<String> {
        let described = self.fixture.examine(access).await?;
        Some(described.token.scope.to_string())
    }

    pub(crate) async fn sweep(&self) {
        self.fixture.sweep().await;
    }

    /// Killed, and started again.
    pub(crate) fn crashed(&self) -> Self {
        self.on(&files(self.fixture.dir.path()), self.fixture.clock.clone())
    }

    /// Killed while it was at work, before it answered: what it wrote is cut off somewhere.
    pub(crate) async fn crashed_during(&self, action: &Action, cut: usize) -> Self {
        let before = files(self.fixture.dir.path());
        self.ask(action).await;
        let mut after = files(self.fixture.dir.path());
        let (log, whole) = (&before[LOG], &after[LOG]);
        let appended = before[DATABASE] == after[DATABASE] && whole.starts_with(log);
        let left = if appended && whole.len() > log.len() {
            let length = log.len() + cut % (whole.len() - log.len());
            after.get_mut(LOG).unwrap().truncate(length);
            after
        } else {
            before
        };
        self.on(&left, self.fixture.clock.clone())
    }

    fn on(&self, files: &BTreeMap<&'static str, Vec<u8>>, clock: Clock) -> Self {
        let dir = in_memory();
        for (name, content) in files {
            fs::write(dir.path().join(name), content).unwrap();
        }
        let fixture = self.fixture.on(dir, clock);
        Self { fixture, other: self.other.clone() }
    }

    async fn disconnect(&self, refresh: &str) -> Response {
        let id = TokenSecret::parse(TokenKind::Refresh, refresh).unwrap().id();
        let end = self.fixture.decide(move |conn, now| {
            if let Some(row) = refresh_tokens::find(conn, id)? {
                revocation::end(conn, row.grant_id, RevokedBecause::Person, now)?;
            }
            Ok(())
        });
        end.await.unwrap();
        Response::Done
    }

    fn client(&self, client: Client) -> &Row {
        match client {
            Client::One => &self.fixture.client,
            Client::Other => &self.other,
        }
    }

    fn code_form(&self, code: &str, manner: Manner) -> Form {
        let (verifier, redirect_uri) = match (manner.right_proof, manner.scope) {
            (true, _) => (VERIFIER.to_owned(), REDIRECT_URI),
            (false, Scope::Read) => (VERIFIER.to_owned(), "https://evil.example/cb"),
            (false, _) => (VERIFIER.to_lowercase(), REDIRECT_URI),
        };
        self.form(manner)
            .and("code", code)
            .and("code_verifier", &verifier)
            .and("redirect_uri", redirect_uri)
    }

    fn refresh_form(&self, token: &str, manner: Manner) -> Form {
        let form = self.form(manner).and("refresh_token", token);
        match manner.scope {
            Scope::Unsaid => form,
            Scope::Both => form.and("scope", "read mcp"),
            Scope::Read => form.and("scope", "read"),
            Scope::ReadAndMore => form.and("scope", "read admin"),
            Scope::SomethingElse => form.and("scope", "openid"),
        }
    }

    fn form(&self, manner: Manner) -> Form {
        let form = Form::new().and("client_id", self.client(manner.by).client_id.as_str());
        match (manner.right_resource, manner.scope) {
            (false, _) => form.and("resource", "https://other.example/mcp"),
            (true, Scope::Unsaid) => form,
            (true, _) => form.and("resource", RESOURCE),
        }
    }
}

const DATABASE: &str = "test.db";
const LOG: &str = "test.db-wal";

/// What is in them now, which is what a process that is killed now leaves.
fn files(dir: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    [DATABASE, LOG].map(|name| (name, fs::read(dir.join(name)).unwrap())).into()
}

/// Where nobody waits for a disk, if there is such a place: power is not cut here.
fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn answered(answer: Result<Pair, OAuthError>) -> Response {
    answer.map_or_else(|error| Response::Refused(error.code), Response::Pair)
}

/// Rolls a piece of work back, and tells what it came to.
struct Undone(Response);

impl From<StorageError> for Undone {
    fn from(error: StorageError) -> Self {
        panic!("{error}")
    }
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(error) => Self(Response::Refused(error.code)),
            Error::Failed(error) => panic!("{error}"),
        }
    }
}
