//! `/account/security`: what signs somebody in, and where it is changed.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::super::guard::Instead;
use super::super::visit::{Visit, Visitor, see_other};
use super::super::{ContentPolicy, Frame, render};
use crate::accounts::passkeys::are_offered;
use crate::clock::UnixTime;
use crate::config::Config;
use crate::error::Error;
use crate::oauth::{Parameters, UserId};
use crate::storage::sign_ins::Goal;
use crate::storage::{
    DbConnection, Method, StorageError, identities, passkeys, recovery_codes, sessions,
    totp_secrets,
};
use crate::words;

/// Where the page is.
pub(super) const PATH: &str = "/account/security";

/// The page.
#[derive(Template)]
#[template(path = "account/security.html", config = "src/pages/askama.toml")]
pub struct Security {
    /// Around the content.
    pub frame: Frame,
    /// What has just been changed.
    pub done: Option<Done>,
    /// Whether there is a password.
    pub has_password: bool,
    /// What is offered here.
    pub offered: Offered,
    /// Whether nothing here signs the person in again.
    pub is_stuck: bool,
    /// What there is besides.
    pub state: State,
}

/// The ways to sign in that are on.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    /// By password.
    pub password: bool,
    /// By passkey.
    pub passkeys: bool,
    /// At other providers.
    pub providers: bool,
}

impl Offered {
    fn here(config: &Config) -> Self {
        Self {
            password: config.sign_in.password,
            passkeys: are_offered(config, &config.issuer),
            providers: !config.sign_in.providers.is_empty(),
        }
    }
}

/// What there is of each.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Passkeys.
    pub passkeys: i64,
    /// Whether codes of an authenticator app are asked for.
    pub totp: bool,
    /// Recovery codes that are left.
    pub recovery_codes: i64,
    /// Accounts elsewhere.
    pub identities: i64,
    /// Browsers that are signed in.
    pub browsers: i64,
}

impl State {
    /// Whether there is a way in again.
    fn signs_in(&self, offered: Offered, has_password: bool) -> bool {
        (offered.password && has_password)
            || (offered.passkeys && self.passkeys > 0)
            || (offered.providers && self.identities > 0)
    }
}

/// What has just been changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The password.
    Password,
    /// Codes of an authenticator app were turned off.
    TotpOff,
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Password => {
                words!("Your password is changed, and every other browser is signed out.")
            }
            Self::TotpOff => words!("Codes of an authenticator app are off."),
        }
    }

    /// Signed, so that no link from elsewhere makes the page say it.
    fn message(self) -> &'static str {
        match self {
            Self::Password => "done password",
            Self::TotpOff => "done totp off",
        }
    }
}

/// Back to the page, which says what was done.
pub(super) fn back(visit: &Visit, visitor: Visitor, done: Done) -> HttpResponse {
    let proof = visitor.csrf(done.message());
    let mut response = see_other(&visit.here(&format!("{PATH}?done={proof}")));
    visitor.set_cookie(visit, &mut response);
    response
}

/// The overview.
///
/// # Errors
/// The way to the sign-in, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let visitor = visit.member(Goal::Security).await?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let user = visitor.signed_in.user();
    let now = visit.app.clock.now();
    let seen_after = now - visit.app.config.lifetimes.session_idle;
    let state =
        visit.app.storage.read(|conn| Ok::<_, Error>(state(conn, &user.id, (now, seen_after))?));
    let state = state.await.map_err(|error| visit.failed(error))?;
    let proof = query.get("done").unwrap_or_default();
    let is_proved = |done: &Done| visitor.csrf(done.message()) == proof;
    let offered = Offered::here(&visit.app.config);
    let has_password = user.password_hash.is_some();
    let by_proxy = visitor.signed_in.session().arrival.method == Method::ProxyHeader;
    let page = Security {
        frame: visit.frame_for(&visitor, PATH),
        done: [Done::Password, Done::TotpOff].into_iter().find(is_proved),
        is_stuck: !by_proxy && !state.signs_in(offered, has_password),
        offered,
        has_password,
        state,
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

fn state(
    conn: &mut DbConnection,
    user_id: &UserId,
    alive: (UnixTime, UnixTime),
) -> Result<State, StorageError> {
    Ok(State {
        passkeys: passkeys::count_of_user(conn, user_id)?,
        totp: totp_secrets::exists(conn, user_id)?,
        recovery_codes: recovery_codes::count_unused(conn, user_id)?,
        identities: identities::count_of_user(conn, user_id)?,
        browsers: sessions::count_live_of_user(conn, user_id, alive)?,
    })
}
