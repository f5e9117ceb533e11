//! HTTP for people: one file per page, its template beside it.
//!
//! The pages work without scripts, from one style sheet, and load nothing from other hosts.

pub mod assets;
pub mod consent;
pub mod cookies;
pub mod doorstep;
pub mod error;
pub mod guard;
pub mod home;
pub mod identities;
pub mod language;
pub mod problem;
pub mod provider;
pub mod proxy_header;
pub mod recipes;
pub mod setup;
pub mod sign_in;
pub mod sign_out;
pub mod snippets;
pub mod visit;
pub mod when;

#[cfg(test)]
mod tests;

use std::fmt::Display;

use actix_web::guard::{Any, Get, Head};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::{Handler, HttpResponse, Resource, Responder, Route, web};
use askama::Template;

use crate::clock::UnixTime;
use crate::oauth::Issuer;
use crate::words;
use language::{Html, Language};

/// The pages, below the issuer's path.
pub fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(form("/sign-in", sign_in::get, web::post().to(sign_in::post)))
        .service(action("/sign-in/provider", web::post().to(provider::post)))
        .service(answer("/sign-in/provider/{name}/callback", web::get().to(provider::callback)))
        .service(action("/sign-in/proxy", web::post().to(proxy_header::post)))
        .service(form("/account/identities", identities::get, web::post().to(identities::post)))
        .service(form("/consent", consent::get, web::post().to(consent::post)))
        .service(form("/sign-out", sign_out::get, web::post().to(sign_out::post)))
        .service(form("/setup", setup::get, web::post().to(setup::post)))
        .service(page("/assets/{name}", assets::get))
        .service(page("/", home::get))
        .service(page("", home::get));
}

/// HEAD is GET without its body.
pub(crate) fn page<F, Args>(path: &str, get: F) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let get = web::route().guard(Any(Get()).or(Head())).to(get);
    web::resource(path).route(get).default_service(not_allowed("GET, HEAD"))
}

/// A page whose form is sent to its own address.
fn form<F, Args>(path: &str, get: F, post: Route) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    page(path, get).route(post).default_service(not_allowed("GET, HEAD, POST"))
}

/// What a browser brings from elsewhere, once: not for whoever only looks at the head.
fn answer(path: &str, get: Route) -> Resource {
    web::resource(path).route(get).default_service(not_allowed("GET"))
}

/// What a form of another page does.
fn action(path: &str, post: Route) -> Resource {
    web::resource(path).route(post).default_service(not_allowed("POST"))
}

/// 405: RFC 9110 section 15.5.6.
fn not_allowed(methods: &'static str) -> Route {
    web::to(move || async move {
        HttpResponse::MethodNotAllowed().insert_header((ALLOW, methods)).finish()
    })
}

/// A page is made for one person at one moment: nobody keeps it.
fn render(status: StatusCode, template: &impl Template, policy: ContentPolicy) -> HttpResponse {
    let Ok(html) = template.render() else {
        // A template that does not render is a defect that every test of the page would show.
        return HttpResponse::InternalServerError().finish();
    };
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, policy.as_str()))
        .body(html)
}

/// What every page has around its content, and how it speaks.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What the page is written in.
    pub language: Language,
    /// When it was made.
    pub now: UnixTime,
    /// The path below which all our paths are: empty, or like `/as`.
    pub base: String,
    /// The host that people see in the address bar, with its port if it has one.
    pub host: String,
    /// Path of the style sheet.
    pub stylesheet: String,
    /// Path of the mark beside the host.
    pub mark: String,
    /// For somebody who is signed in, on the pages that are only for him.
    pub nav: Option<Nav>,
}

/// The way between the pages of somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Nav {
    /// Who it is.
    pub username: String,
    /// Whether the owner's pages are for him, and are served here.
    pub owner: bool,
    /// Path of the page, below the issuer's, as the links say it.
    pub here: &'static str,
    /// Proves that the form to sign out is ours.
    pub csrf: String,
}

impl Nav {
    /// Paths and what they are called.
    fn places(&self) -> &'static [(&'static str, &'static str)] {
        const PLACES: [(&str, &str); 8] = [
            ("/account", words!("Connected apps")),
            ("/account/security", words!("Security")),
            ("/owner", words!("Overview")),
            ("/owner/people", words!("People")),
            ("/owner/resources", words!("MCP servers")),
            ("/owner/clients", words!("Apps")),
            ("/owner/grants", words!("Connections")),
            ("/owner/emergency", words!("Emergency")),
        ];
        if self.owner { &PLACES } else { &PLACES[..2] }
    }

    fn is_here(&self, path: &&str) -> bool {
        self.here == *path
    }
}

impl Frame {
    /// The frame of all pages of one issuer.
    #[must_use]
    pub fn new(issuer: &Issuer, language: Language, now: UnixTime) -> Self {
        let origin = issuer.origin();
        Self {
            language,
            now,
            nav: None,
            base: issuer.path().to_owned(),
            host: origin.split_once("://").map_or(origin, |(_, host)| host).to_owned(),
            stylesheet: issuer.path().to_owned() + assets::STYLESHEET.path(),
            mark: issuer.path().to_owned() + assets::MARK.path(),
        }
    }

    /// Words in the page's language. The English ones are the key.
    #[must_use]
    pub fn t<'a>(&self, words: &'a str) -> &'a str {
        self.language.translate(words)
    }

    /// A sentence with values in it, each escaped and isolated.
    #[must_use]
    pub fn say(&self, words: &str, values: &[impl Display]) -> Html {
        Html::sentence(self.t(words), values)
    }

    /// How long ago that was, or how soon it will be.
    #[must_use]
    pub fn when(&self, at: &UnixTime) -> Html {
        when::when(*at, self.now, self.language)
    }
}

/// `Content-Security-Policy` of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentPolicy {
    /// Forms go to ourselves only.
    Closed,
    /// Without `form-action`: Chrome holds the redirects that follow a form against it, and after
    /// consent they lead to the client (a loopback port, an app's scheme, a site that redirects
    /// further), so that any list would lock somebody out.
    AnswersClient,
    /// Without it, for the same reason: a form that is sent on to another provider's pages.
    LeadsElsewhere,
}

impl ContentPolicy {
    /// The header's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 frame-ancestors 'none'; form-action 'self'"
            }
            Self::AnswersClient | Self::LeadsElsewhere => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 frame-ancestors 'none'"
            }
        }
    }
}
