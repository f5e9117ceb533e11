//! A browser's request to one of the pages, and who it is.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, USER_AGENT};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, web};
use tracing_actix_web::RequestId;

pub use super::page_form::PageForm;

use super::brand::Brand;
use super::error::PageError;
use super::language::Language;
use super::side::Side;
use super::{Frame, Nav, cookies, proxy_header};
use crate::accounts::session::{self, Browser, SignedIn};
use crate::accounts::totp::Secret;
use crate::app::App;
use crate::config::OwnerPages;
use crate::error::Error;
use crate::middleware::client_ip::ClientIp;
use crate::middleware::issuer::aimed_at;
use crate::oauth::{ErrorCode, Issuer, TokenKind, TokenSecret};
use crate::storage::sessions::{self, Arrival};
use crate::storage::{DbConnection, Method, StorageError};
use crate::words;

/// What every page needs to know of its request.
#[derive(Clone)]
pub struct Visit {
    /// The service.
    pub app: web::Data<App>,
    /// The request, for its cookies and its query.
    pub http: HttpRequest,
    /// From where.
    pub client_ip: ClientIp,
    /// By which listener.
    pub side: Side,
    request_id: String,
    brand: web::Data<Brand>,
}

/// Somebody who is signed in, with the cookie that says so.
pub struct Visitor {
    /// Who.
    pub signed_in: SignedIn,
    secret: TokenSecret,
}

impl Visitor {
    /// Proof for a form that it was made for this session, and for this pending request.
    #[must_use]
    pub fn csrf(&self, request: &str) -> String {
        self.secret.sign(request)
    }

    /// The same person, whose browser gets this cookie in the place of the one before.
    #[must_use]
    pub fn renewed(self, secret: TokenSecret) -> Self {
        Self { secret, ..self }
    }

    /// Gives the browser the cookie.
    pub fn set_cookie(self, visit: &Visit, response: &mut HttpResponse) {
        let age = visit.app.config.lifetimes.session;
        cookies::set_session(visit.side, response, self.secret, age);
    }

    /// What an authenticator app makes codes of, if this browser turns them on.
    #[must_use]
    pub fn offered_secret(&self) -> Secret {
        Secret::offered_to(&self.secret)
    }

    /// # Errors
    /// A page, for a form that was not made for this session and request.
    pub fn check_csrf(&self, visit: &Visit, request: &str, csrf: &str) -> Result<(), PageError> {
        if self.secret.verifies(request, csrf) { Ok(()) } else { Err(visit.stale_form()) }
    }
}

impl Visit {
    /// Around every page.
    #[must_use]
    pub fn frame(&self) -> Frame {
        let language = Language::of(&self.http);
        Frame::new(self.issuer(), &self.brand, language, self.app.clock.now())
    }

    /// Around a page that is only for the person who is signed in; `here` is its path.
    #[must_use]
    pub fn frame_for(&self, visitor: &Visitor, here: &'static str) -> Frame {
        let nav = Nav {
            username: visitor.signed_in.user().username.clone(),
            account: self.side != Side::Internal,
            owner: visitor.signed_in.owner().is_some() && self.has_owner_pages(),
            here,
            csrf: visitor.csrf(""),
        };
        Frame { nav: Some(nav), ..self.frame() }
    }

    /// Whether the owner's pages are at this side.
    #[must_use]
    pub fn has_owner_pages(&self) -> bool {
        match self.app.config.owner_pages {
            OwnerPages::On => self.side != Side::Internal,
            OwnerPages::Internal => self.side == Side::Internal,
            OwnerPages::Off => false,
        }
    }

    /// This browser, in which somebody signs in.
    #[must_use]
    pub fn browser(&self, method: Method) -> Browser {
        const LONGEST_USER_AGENT: usize = 256;
        let before = cookies::session(self.side, &self.http);
        let user_agent = self.http.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        Browser {
            arrival: Arrival {
                method,
                address: Some(self.client_ip.0.to_string()),
                user_agent: user_agent.map(|text| text.chars().take(LONGEST_USER_AGENT).collect()),
            },
            before: before.map(|secret| (secret.id(), secret.hash())),
        }
    }

    /// The path of one of our pages, as browsers have to ask for it.
    #[must_use]
    pub fn here(&self, path: &str) -> String {
        format!("{}{path}", self.issuer().path())
    }

    /// The issuer whose page it is.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        aimed_at(&self.app, self.http.head())
    }

    /// Who is signed in here, if anybody still is.
    ///
    /// # Errors
    /// The database's.
    pub async fn visitor(&self) -> Result<Option<Visitor>, PageError> {
        let Some(secret) = cookies::session(self.side, &self.http) else {
            return Ok(None);
        };
        let (lifetimes, now) = (self.app.session_lifetimes(), self.app.clock.now());
        let found = self
            .app
            .storage
            .read(|conn| session::authenticate(conn, &secret, lifetimes, now))
            .await
            .map_err(|error| self.failed(error))?;
        let found = found.filter(|signed_in| !proxy_header::contradicts(self, signed_in));
        let Some(signed_in) = found else { return Ok(None) };
        if signed_in.is_stale(now) {
            let id = signed_in.session().id;
            let touch = move |conn: &mut DbConnection| sessions::touch(conn, id, now);
            // Noted or not, the session is good.
            let _noted: Result<(), StorageError> = self.app.storage.write(touch).await;
        }
        Ok(Some(Visitor { signed_in, secret }))
    }

    /// The cookie of a pending request that this browser has started.
    ///
    /// # Errors
    /// A page, for an id of another browser, or none.
    pub fn pending_cookie(&self, id: &str) -> Result<TokenSecret, PageError> {
        let why = words!(
            "This sign-in has expired, or it was started in another browser. Start it again from \
             the app"
        );
        self.tied(TokenKind::AuthorizationRequest, id, why)
    }

    /// The cookie of a step of a sign-in that this browser has come to.
    ///
    /// # Errors
    /// A page, for an id of another browser, or none.
    pub fn step_cookie(&self, id: &str) -> Result<TokenSecret, PageError> {
        let why = words!("This sign-in is over, or it was begun in another browser. Start again");
        self.tied(TokenKind::SignIn, id, why)
    }

    fn tied(&self, kind: TokenKind, id: &str, why: &'static str) -> Result<TokenSecret, PageError> {
        cookies::tied(self.side, &self.http, kind, id)
            .ok_or_else(|| self.failed(ErrorCode::AccessDenied.because(why)))
    }

    /// Writes even if the person has gone meanwhile: what was pressed is done.
    ///
    /// # Errors
    /// What `work` answers, as a page.
    pub async fn write_surely<T, E>(
        &self,
        work: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, PageError>
    where
        T: Send + 'static,
        E: From<StorageError> + Into<Error> + Send + 'static,
    {
        self.write_to_the_end(work).await.map_err(|error| self.failed(error))
    }

    /// As [`Visit::write_surely`], for a page that says itself why something is refused.
    ///
    /// # Errors
    /// What `work` answers.
    pub async fn write_to_the_end<T, E>(
        &self,
        work: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        E: From<StorageError> + Into<Error> + Send + 'static,
    {
        self.app.storage.write_to_the_end(work).await.map_err(Into::into)
    }

    /// An error, as a page.
    #[must_use]
    pub fn failed(&self, error: impl Into<Error>) -> PageError {
        PageError::new(error.into(), self.frame(), self.request_id.clone())
    }

    /// For what there is not, or is somebody else's: the answer is the same.
    #[must_use]
    pub fn not_found(&self, why: &'static str) -> PageError {
        self.failed(ErrorCode::InvalidRequest.because(why)).with_status(StatusCode::NOT_FOUND)
    }

    /// For a form that is not one of ours.
    #[must_use]
    pub fn stale_form(&self) -> PageError {
        let why =
            words!("This page was out of date. Go back, load it again, and send it once more");
        self.failed(ErrorCode::AccessDenied.because(why))
    }
}

impl FromRequest for Visit {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>();
        let brand = request.app_data::<web::Data<Brand>>();
        let (Some(app), Some(brand)) = (app, brand) else {
            return ready(Err(actix_web::error::ErrorInternalServerError("no app")));
        };
        let id = request.extensions().get::<RequestId>().map(ToString::to_string);
        ready(Ok(Self {
            app: app.clone(),
            http: request.clone(),
            client_ip: ClientIp::of(request),
            side: Side::of(request).for_issuer(aimed_at(app, request.head())),
            request_id: id.unwrap_or_default(),
            brand: brand.clone(),
        }))
    }
}

/// 303: the browser asks for the next page with GET, and does not send the form again.
pub(crate) fn see_other(url: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, url))
        .insert_header(("Cache-Control", "no-store"))
        .finish()
}
