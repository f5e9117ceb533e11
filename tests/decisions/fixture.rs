//! A database with one person, one MCP server and one client, and a clock that the test moves.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use mcp_oauthd::accounts::password::{Hashed, NewPassword, Passwords};
use mcp_oauthd::accounts::session::{self, Browser, SessionLifetimes, SignedIn};
use mcp_oauthd::accounts::{Username, setup};
use mcp_oauthd::authorization::{consent, shown};
use mcp_oauthd::clients::registration::{self, Bounds, Registered};
use mcp_oauthd::clock::{Clock, Seconds, UnixTime};
use mcp_oauthd::config::{Config, Connecting, Database, Lifetimes, Sources};
use mcp_oauthd::error::Error;
use mcp_oauthd::grant_types::Terms;
use mcp_oauthd::oauth::{IntrospectionId, Issuer, OAuthError, Scope, TokenSecret, UserId};
use mcp_oauthd::storage::Method;
use mcp_oauthd::storage::authorization_requests::Asked;
use mcp_oauthd::storage::clients::Client;
use mcp_oauthd::storage::events::{self, Event};
use mcp_oauthd::storage::resources::Resource;
use mcp_oauthd::storage::sessions::Arrival;
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{
    ClientOrigin, DbConnection, Limits, Missing, Role, Storage, StorageError,
};
use mcp_oauthd::sweeper;
use tempfile::TempDir;

/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const RESOURCE: &str = "https://mcp.example/mcp";
pub(crate) const REDIRECT_URI: &str = "https://app.example/cb";
pub(crate) const DAY: Seconds = Seconds(86_400);
pub(crate) const CODE_LIFETIME: Seconds = Seconds(600);
pub(crate) const SESSIONS: SessionLifetimes =
    SessionLifetimes { absolute: Seconds(30 * 86_400), idle: Seconds(7 * 86_400) };
pub(crate) const BOUNDS: Bounds = Bounds { redirect_uris: 10, string: 1000, unused_clients: 5 };

pub(crate) struct Fixture {
    pub(crate) storage: Storage,
    pub(crate) clock: Clock,
    /// Lifetimes; `now` is the clock's.
    pub(crate) terms: Terms,
    pub(crate) user: User,
    pub(crate) resource: Resource,
    pub(crate) client: Client,
    #[allow(dead_code, reason = "the model looks into it")]
    pub(crate) dir: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let (storage, clock, dir) = empty();
        let now = clock.now();
        let made = storage.write(move |conn| {
            let user = user("ada", now);
            users::insert(conn, &user)?;
            let named = (IntrospectionId::generate(), None);
            let resource = setup::add_resource(conn, &RESOURCE.parse().unwrap(), named, None, now)?;
            let public = r#""token_endpoint_auth_method":"none""#;
            let client = register(conn, ClientOrigin::Registered, public, now)?.client;
            Ok::<_, StorageError>((user, resource, client))
        });
        let (user, resource, client) = made.await.unwrap();
        let terms = Terms {
            now,
            access_token_lifetime: Seconds(3600),
            refresh_token_lifetime: Seconds(30 * DAY.0),
            grant_lifetime: Seconds(365 * DAY.0),
            refresh_grace: Seconds(120),
            address: None,
        };
        Self { storage, clock, terms, user, resource, client, dir }
    }

    /// The same people and clients, where a copy of the database is.
    #[allow(dead_code, reason = "the model's services are copied")]
    pub(crate) fn on(&self, dir: TempDir, clock: Clock) -> Self {
        let (user, client) = (self.user.clone(), self.client.clone());
        let (storage, resource) = (open(&dir, &clock), self.resource.clone());
        Self { storage, clock, terms: self.terms, user, resource, client, dir }
    }

    /// Takes a decision, now.
    pub(crate) async fn decide<T: Send + 'static>(
        &self,
        work: impl Fn(&mut DbConnection, UnixTime) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, OAuthError> {
        let now = self.clock.now();
        self.storage.write(move |conn| work(conn, now)).await.map_err(refused)
    }

    /// Writes what nobody may refuse, now.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut DbConnection, UnixTime) -> Result<T, StorageError> + Send + 'static,
    ) -> T {
        let now = self.clock.now();
        self.storage.write(move |conn| work(conn, now)).await.unwrap()
    }

    pub(crate) async fn read<T>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, StorageError> + Send,
    ) -> T {
        self.storage.read(work).await.unwrap()
    }

    /// Another public client, with these members in its metadata.
    pub(crate) async fn register(&self, members: &'static str) -> Client {
        self.register_as(ClientOrigin::Registered, members).await
    }

    /// One that the operator or nobody vouches for.
    pub(crate) async fn register_as(&self, origin: ClientOrigin, members: &'static str) -> Client {
        self.write(move |conn, now| register(conn, origin, members, now)).await.client
    }

    /// Another person.
    pub(crate) async fn add_user(&self, name: &str) -> User {
        let user = user(name, self.clock.now());
        let row = user.clone();
        self.write(move |conn, _| users::insert(conn, &row)).await;
        user
    }

    /// A browser in which `user` has just signed in.
    pub(crate) async fn sign_in(&self, user: &User) -> SignedIn {
        let user = user.clone();
        self.write(move |conn, now| sign_in(conn, &user, now)).await
    }

    /// Deletes what is past its time. Clients stay, also those that nobody has used.
    pub(crate) async fn sweep(&self) {
        let config = Config::from_sources(&Sources::gather(&[], None, []).unwrap()).unwrap();
        let lifetimes = Lifetimes {
            code: CODE_LIFETIME,
            access_token: self.terms.access_token_lifetime,
            refresh_token: self.terms.refresh_token_lifetime,
            grant: self.terms.grant_lifetime,
            unused_client: Seconds(3650 * DAY.0),
            ..config.lifetimes
        };
        sweeper::sweep(&self.storage, &lifetimes, self.clock.now()).await.unwrap();
    }

    /// What `client` asks for, for everything that is offered.
    pub(crate) fn asked(&self, client: &Client) -> Asked {
        Asked {
            client_id: client.client_id.clone(),
            redirect_uri: REDIRECT_URI.parse().unwrap(),
            state: Some("a state".to_owned()),
            code_challenge: CHALLENGE.parse().unwrap(),
            scope: Scope::requested("mcp read"),
            resource: self.resource.uri.clone(),
            fresh_sign_in: false,
            issuer: None,
        }
    }

    /// What has been decided, the newest first, each with its one word more.
    pub(crate) async fn events(&self) -> Vec<(Event, Option<String>)> {
        let recorded = self.read(|conn| events::list(conn, 1000)).await;
        recorded
            .into_iter()
            .map(|recorded| (recorded.kind.known().unwrap(), recorded.subject.detail))
            .collect()
    }

    pub(crate) async fn count(&self, kind: Event) -> usize {
        self.events().await.iter().filter(|(found, _)| *found == kind).count()
    }

    /// Changes rows as no decision of this part does.
    pub(crate) async fn sql(&self, update: String) {
        let run = move |DbConnection::Sqlite(conn): &mut _, _| {
            diesel::sql_query(&update).execute(conn).map_err(StorageError::from)
        };
        self.write(run).await;
    }

    /// Every value in the database, to see that nothing has changed.
    pub(crate) async fn dump(&self) -> Vec<String> {
        self.read(|DbConnection::Sqlite(conn)| {
            Ok(tables(conn)?
                .iter()
                .map(|rows| diesel::sql_query(rows).get_result::<Row>(conn).unwrap())
                .map(|row| row.text.unwrap_or_default())
                .collect())
        })
        .await
    }
}

/// A database with nobody in it.
pub(crate) fn empty() -> (Storage, Clock, TempDir) {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual());
    (open(&dir, &clock), clock, dir)
}

fn open(dir: &TempDir, clock: &Clock) -> Storage {
    let database = Database::File(dir.path().join("test.db"));
    Storage::open(&database, Missing::Create, Limits::default(), clock.clone()).unwrap()
}

pub(crate) fn issuer() -> Issuer {
    "https://auth.example".parse().unwrap()
}

/// Every scope that there is.
pub(crate) fn offered() -> Scope {
    Scope::requested("admin mcp read write")
}

/// A yes on a page that shows all that it gives.
pub(crate) fn approve(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    signed_in: &SignedIn,
    now: UnixTime,
) -> Result<String, Error> {
    approve_where(&Connecting::default(), conn, cookie, signed_in, now)
}

/// The same, where not every client may connect.
pub(crate) fn approve_where(
    connecting: &Connecting,
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    signed_in: &SignedIn,
    now: UnixTime,
) -> Result<String, Error> {
    let (issuer, offered) = (issuer(), offered());
    let terms = consent::Terms {
        code_lifetime: CODE_LIFETIME,
        issuer: &issuer,
        connecting,
        offered: &offered,
        shown: &shown(conn, cookie, signed_in, now)?,
    };
    Ok(consent::approve(conn, cookie, signed_in, &terms, now)?.unwrap())
}

/// What a page shows now.
pub(crate) fn shown(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    signed_in: &SignedIn,
    now: UnixTime,
) -> Result<String, Error> {
    let pending = consent::find(conn, cookie, now)?;
    let client = consent::client(conn, &pending)?;
    let asked = (&client, &pending);
    let grantable = consent::grantable(conn, asked, signed_in, &offered(), now)?;
    Ok(grantable.map(|now| shown::question(&client.metadata, &now.scope)).unwrap_or_default())
}

pub(crate) fn sign_in(
    conn: &mut DbConnection,
    user: &User,
    now: UnixTime,
) -> Result<SignedIn, StorageError> {
    let cookie = session::sign_in(conn, user, &browser(), SESSIONS, now)?.unwrap();
    Ok(session::authenticate(conn, &cookie, SESSIONS, now)?.unwrap())
}

pub(crate) fn register(
    conn: &mut DbConnection,
    origin: ClientOrigin,
    members: &str,
    now: UnixTime,
) -> Result<Registered, StorageError> {
    let body = format!(r#"{{"redirect_uris":["{REDIRECT_URI}"],{members}}}"#);
    let metadata = registration::metadata(body.as_bytes(), &BOUNDS).unwrap();
    registration::register(conn, &metadata, origin, &BOUNDS, now)
}

/// argon2id of some password.
pub(crate) async fn hashed(password: &str) -> Hashed {
    let name = Username::parse("nobody").unwrap();
    let new = NewPassword::parse(password.into(), &name).unwrap();
    Passwords::new(1).unwrap().hash(new).await.unwrap()
}

/// A parameter of the query of a URL.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The same key with another secret.
pub(crate) fn tampered(secret: &str) -> String {
    // Within the secret; the last character of the encoding is not free.
    let (place, end) = (secret.len() - 10, secret.len() - 9);
    let other = if &secret[place..end] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &secret[..place], &secret[end..])
}

/// A browser of which nothing is known.
pub(crate) fn browser() -> Browser {
    Browser { arrival: Arrival::by(Method::Password), before: None }
}

fn refused(error: Error) -> OAuthError {
    match error {
        Error::Refused(error) => error,
        Error::Failed(error) => panic!("{error}"),
    }
}

fn user(name: &str, now: UnixTime) -> User {
    User {
        password_hash: Some("none".to_owned()),
        ..User::new(UserId::generate(), name.to_owned(), Role::Member, now)
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
}

/// For each table the question for all that is in it.
fn tables(conn: &mut SqliteConnection) -> Result<Vec<String>, StorageError> {
    let query = "SELECT 'SELECT group_concat(' || group_concat('quote(\"' || c.name || '\")', '||'',''||')
                     || ', '';'') AS text FROM (SELECT * FROM \"' || m.name || '\" ORDER BY rowid)' AS text
                 FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
                 WHERE m.type = 'table' GROUP BY m.name";
    let rows = diesel::sql_query(query).load::<Row>(conn)?;
    Ok(rows.into_iter().filter_map(|row| row.text).collect())
}
