//! HTTP for people: one file per page, its template beside it.
//!
//! The pages work without scripts, from one style sheet, and load nothing from other hosts.

pub mod account;
pub mod assets;
pub mod brand;
pub mod colours;
pub mod consent;
pub mod cookies;
pub mod doorstep;
pub mod error;
pub mod guard;
pub mod home;
pub mod identities;
pub mod instructions;
pub mod language;
mod lock_out;
mod nav;
pub mod new_second_factor;
pub mod obstacle;
pub mod offer;
pub mod owner;
pub mod page_form;
pub mod passkey;
pub mod problem;
pub mod provider;
pub mod proxy_header;
pub mod qr;
pub mod recipes;
pub mod second_factor;
pub mod setup;
pub mod side;
pub mod sign_in;
pub mod sign_out;
pub mod snippets;
pub mod visit;
pub mod waiting;
pub mod welcome;
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
use crate::config::Support;
use crate::oauth::Issuer;
use assets::Asset;
use brand::Brand;
use language::{Html, Language};
pub use nav::Nav;

/// The pages, below the issuer's path.
pub fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(form("/sign-in", sign_in::get, web::post().to(sign_in::post)))
        .service(form(second_factor::PATH, second_factor::get, web::post().to(second_factor::post)))
        .service(form(
            new_second_factor::PATH,
            new_second_factor::get,
            web::post().to(new_second_factor::post),
        ))
        .configure(account::configure)
        .service(action("/sign-in/provider", web::post().to(provider::post)))
        .service(answer("/sign-in/provider/{name}/callback", web::get().to(provider::callback)))
        .service(action("/sign-in/proxy", web::post().to(proxy_header::post)))
        .service(form("/account/identities", identities::get, web::post().to(identities::post)))
        .service(form("/consent", consent::get, web::post().to(consent::post)))
        .service(form("/sign-out", sign_out::get, web::post().to(sign_out::post)))
        .service(form("/setup", setup::get, web::post().to(setup::post)))
        .configure(passkey::configure)
        .service(form("/welcome", welcome::get, web::post().to(welcome::post)))
        .service(page("/assets/{name}", assets::get))
        .service(page("/", home::get))
        .service(page("", home::get));
}

/// What the owner's pages need around them at a listener that has no others.
pub fn configure_inside(routes: &mut web::ServiceConfig) {
    use {new_second_factor as first_time, second_factor as again};
    routes
        .service(form("/sign-in", sign_in::get, web::post().to(sign_in::post)))
        .service(form(again::PATH, again::get, web::post().to(again::post)))
        .service(form(first_time::PATH, first_time::get, web::post().to(first_time::post)))
        .service(action("/sign-in/proxy", web::post().to(proxy_header::post)))
        .service(form("/sign-out", sign_out::get, web::post().to(sign_out::post)))
        .service(page("/assets/{name}", assets::get))
        .service(page("/", owner::enter))
        .service(page("", owner::enter));
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
    /// Path of the style sheet with the operator's colour.
    pub colours: Option<String>,
    /// Path of the mark beside the name, the operator's or ours.
    pub mark: String,
    /// What the operator calls the service.
    pub name: Option<String>,
    /// The operator's sentence below the sign-in.
    pub text: Option<String>,
    /// Who helps when something went wrong.
    pub support: Option<Support>,
    /// For somebody who is signed in, on the pages that are only for him.
    pub nav: Option<Nav>,
}

impl Frame {
    /// What stands beside the mark.
    fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.host)
    }

    /// Whether the host stands below the name: it is what people can compare with the address bar
    /// before they type a password, or say yes.
    fn shows_host(&self) -> bool {
        self.name.is_some() && self.nav.is_none()
    }

    /// The frame of all pages of one issuer.
    #[must_use]
    pub fn new(issuer: &Issuer, brand: &Brand, language: Language, now: UnixTime) -> Self {
        let path = |asset: &Asset| issuer.path().to_owned() + asset.path();
        Self {
            language,
            now,
            nav: None,
            base: issuer.path().to_owned(),
            host: issuer.host().to_owned(),
            stylesheet: path(&assets::STYLESHEET),
            colours: brand.colours.as_ref().map(path),
            mark: path(brand.logo.as_ref().unwrap_or(&assets::MARK)),
            name: brand.name.clone(),
            text: brand.text.clone(),
            support: brand.support.clone(),
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

    /// A sentence with code in it: commands and addresses, each escaped and isolated.
    #[must_use]
    pub fn code(&self, words: &str, values: &[impl Display]) -> Html {
        Html::sentence_with_code(self.t(words), values)
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
    /// As [`ContentPolicy::Closed`], with a script of ours, and what it asks us.
    Scripted,
    /// Without `form-action`: Chrome holds the redirects that follow a form against it. After consent
    /// they lead to the client (a loopback port, an app's scheme, a site that redirects further), and
    /// from a sign-in to another provider, so that any list would lock somebody out.
    LeadsElsewhere,
    /// Both: a sign-in by passkey or at another provider, and a request that waits for the owner.
    ScriptedLeadsElsewhere,
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
            Self::Scripted => {
                "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
                 img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
            }
            Self::ScriptedLeadsElsewhere => {
                "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
                 img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
            }
            Self::LeadsElsewhere => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 frame-ancestors 'none'"
            }
        }
    }
}
