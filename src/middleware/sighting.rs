//! What a request shows of an attempt to connect, noted in one place: most of it by the route and the
//! answer, the rest by what a handler marks.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::USER_AGENT;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, web};

use super::client_ip::ClientIp;
use super::issuer::aimed_at;
use crate::app::App;
use crate::attempts::sighting::PresentedToken;
use crate::attempts::{DOCTOR, Origin, Sighting, Subject};
use crate::gate::decision::{Because, Denial};
use crate::oauth::{OAuthError, Parameters, TokenId, TokenKind};
use crate::storage::attempts::Stage;

/// What a handler says of its answer.
#[derive(Debug, Clone)]
struct Marked {
    stage: Stage,
    subject: Subject,
    why: Option<&'static str>,
}

struct DocumentRefused;

/// Says which step the answer is.
pub fn mark(response: &mut HttpResponse, stage: Stage, subject: Subject) {
    response.extensions_mut().insert(Marked { stage, subject, why: None });
}

/// As [`mark`], for a person who cannot say yes, and in which words.
pub fn mark_obstacle(response: &mut HttpResponse, why: &'static str, subject: Subject) {
    let stage = Stage::Obstacle;
    response.extensions_mut().insert(Marked { stage, subject, why: Some(why) });
}

/// Says which pending request a visit is about, for the case that it is refused.
pub fn comes_for(request: &HttpRequest, subject: Subject) {
    request.extensions_mut().insert(subject);
}

/// Says on an answer why the request was refused.
pub fn mark_cause(response: &mut HttpResponse, refused: &OAuthError) {
    response.extensions_mut().insert(refused.clone());
}

/// Says of an authorization request that what the client publishes about itself cannot be used.
pub fn document_refused(request: &HttpRequest) {
    request.extensions_mut().insert(DocumentRefused);
}

/// Says of a token request which client, code and refresh token it names. Keys and hashes only.
pub fn presented(request: &HttpRequest, form: &Parameters) {
    let token = |kind, name| PresentedToken::parse(kind, form.get(name)?);
    request.extensions_mut().insert(Subject {
        client_id: form.get("client_id").and_then(|id| id.parse().ok()),
        code: token(TokenKind::Code, "code"),
        refresh: token(TokenKind::Refresh, "refresh_token"),
        ..Subject::default()
    });
}

/// Says of a token request which refresh token it has led to.
pub fn issued(request: &HttpRequest, refresh: Option<TokenId>) {
    if let Some(subject) = request.extensions_mut().get_mut::<Subject>() {
        subject.issued = refresh;
    }
}

/// Notes what the answers show.
///
/// # Errors
/// What the handler answers.
pub async fn note<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let response = next.call(request).await?;
    if let Some(app) = response.request().app_data::<web::Data<App>>()
        && let Some(sighting) = sighting(app, &response)
        && !app.attempts.note(sighting, app.clock.now())
    {
        app.metrics.sightings_dropped.inc();
    }
    Ok(response)
}

/// As [`note`], at the gate, which waits for nothing.
pub fn at_the_gate(app: &App, request: &HttpRequest, denial: &Denial) {
    let stage = match denial.because {
        Because::NoToken => Stage::Challenged,
        Because::InvalidToken => Stage::TokenNotGood,
        _ => return,
    };
    let make = || Sighting::new(origin(request), stage).about(denial.resource.as_str());
    if !app.attempts.glimpse(make, app.clock.now()) {
        app.metrics.sightings_dropped.inc();
    }
}

fn sighting<B>(app: &App, response: &ServiceResponse<B>) -> Option<Sighting> {
    let request = response.request();
    let (inner, query) = (response.response(), || Parameters::parse(request.query_string()).ok());
    let at = |stage| Sighting::new(origin(request), stage);
    let refused = inner.extensions().get::<OAuthError>().cloned();
    if let Some(Marked { stage, subject, why }) = inner.extensions().get::<Marked>().cloned() {
        // The page that waits for the owner looks so, every few seconds.
        if *request.method() == Method::HEAD && stage != Stage::Asked {
            return None;
        }
        let sighting = Sighting { why: why.map(str::to_owned), ..at(stage).of(subject) };
        let asked = if stage == Stage::Asked { query() } else { None };
        return Some(match asked.as_ref().and_then(|query| query.get("redirect_uri")) {
            Some(uri) => sighting.about(uri),
            None => sighting,
        });
    }
    let path = request.path();
    let below = path.strip_prefix(aimed_at(app, request.head()).path()).unwrap_or(path);
    let ok = inner.status().is_success();
    let is_page = ok && *request.method() != Method::POST;
    match (below, refused) {
        ("/token", refused) => token_request(request, at, refused, ok),
        ("/register", Some(refused)) => Some(at(Stage::RegistrationRefused).because(&refused)),
        ("/revoke", Some(refused)) => Some(at(Stage::RevocationRefused).because(&refused)),
        ("/authorize", Some(refused)) => {
            let query = query()?;
            let client_id = query.get("client_id").and_then(|id| id.parse().ok());
            let subject = Subject { client_id, ..Subject::default() };
            let offered = query.get("redirect_uri").unwrap_or_default();
            let is_document = request.extensions().contains::<DocumentRefused>();
            let stage = if is_document { Stage::DocumentRefused } else { Stage::AskRefused };
            Some(at(stage).of(subject).because(&refused).about(offered))
        }
        ("/sign-in", None) if is_page => {
            Some(at(Stage::SignInShown).of(Subject::request(pending(&query()?)?)))
        }
        ("/consent", Some(refused)) => {
            let subject = request.extensions().get::<Subject>().cloned()?;
            let signed_in = subject.person.is_some();
            let stage = if signed_in { Stage::Obstacle } else { Stage::AskRefused };
            Some(at(stage).of(subject).because(&refused))
        }
        _ => discovery(request, at, inner.status().as_u16()),
    }
}

/// The key of the pending request that a page is about.
fn pending(query: &Parameters) -> Option<TokenId> {
    query.get("request")?.parse().ok().map(TokenId)
}

/// A refresh that goes well is not noted: it is what connected apps do all day.
fn token_request(
    request: &HttpRequest,
    at: impl Fn(Stage) -> Sighting,
    refused: Option<OAuthError>,
    ok: bool,
) -> Option<Sighting> {
    let subject = request.extensions().get::<Subject>().cloned();
    match (refused, subject) {
        (Some(refused), Some(subject)) if subject.refresh.is_some() => {
            Some(at(Stage::RefreshRefused).of(subject).because(&refused))
        }
        (Some(refused), subject) => {
            Some(at(Stage::TokenRefused).of(subject.unwrap_or_default()).because(&refused))
        }
        (None, Some(subject)) if ok && subject.code.is_some() => {
            Some(at(Stage::TokenIssued).of(subject))
        }
        _ if *request.method() == Method::OPTIONS => Some(at(Stage::Preflight).about("/token")),
        _ => None,
    }
}

/// Looks at what there is. Other well-known places are nobody's attempt to connect.
fn discovery(
    request: &HttpRequest,
    at: impl Fn(Stage) -> Sighting,
    status: u16,
) -> Option<Sighting> {
    let path = request.path();
    let well_known = path.split_once("/.well-known/").map(|(_, rest)| rest);
    let well_known = well_known.filter(|rest| rest.starts_with("oa") || rest.starts_with("openid"));
    if *request.method() == Method::OPTIONS {
        let asks = well_known.is_some() || path.ends_with("/register");
        return asks.then(|| at(Stage::Preflight).about(path));
    }
    let place = well_known?;
    match status {
        200 if place.starts_with("oauth-protected-resource") => {
            Some(at(Stage::ResourceMetadata).about(path))
        }
        200 => Some(at(Stage::ServerMetadata).about(path)),
        404 => Some(at(Stage::NothingThere).about(path)),
        _ => None,
    }
}

fn origin(request: &HttpRequest) -> Origin {
    let headers = request.headers();
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_doctor = headers.contains_key(DOCTOR) || agent.starts_with(DOCTOR);
    Origin::new(ClientIp::of(request).0, if is_doctor { DOCTOR } else { agent })
}
