//! Other services at which people sign in: OpenID Connect Core section 3.1 by discovery, and GitHub.
//!
//! The code flow, and nothing that has to be computed with keys: who somebody is says the user-info
//! endpoint, asked by us over TLS.

mod authorization;
mod github;
mod openid;

use std::time::Duration;

use reqwest::RequestBuilder;
use secrecy::ExposeSecret;
use serde::Deserialize;

pub use authorization::{Answer, Tie, take};
use openid::Discovered;

use crate::app::fetcher::{FetchError, Fetched, Fetcher};
use crate::clock::UnixTime;
use crate::config::{self, ProviderKind};
use crate::oauth::Issuer;

/// How long all the questions of one step may take together.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest name or address that is looked at, in bytes.
const LONGEST: usize = 255;

/// Those of the settings.
pub struct Providers(Vec<Provider>);

impl Providers {
    /// Nothing is asked of anybody yet.
    #[must_use]
    pub fn new(settings: &[config::Provider]) -> Self {
        let new = |settings: &config::Provider| Provider {
            settings: settings.clone(),
            discovered: Discovered::default(),
        };
        Self(settings.iter().map(new).collect())
    }

    /// The one of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Provider> {
        self.iter().find(|provider| provider.settings.name == name)
    }

    /// In the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

/// Another service, and what is known of it.
pub struct Provider {
    /// What the operator says.
    pub settings: config::Provider,
    discovered: Discovered,
}

/// Somebody's account there, as the provider describes it.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Whose accounts they are: an issuer, or where GitHub is.
    pub authority: String,
    /// `sub`: never changes, never comes back (OpenID Connect Core section 5.7).
    pub subject: String,
    /// What people call it, for people.
    pub label: String,
    /// The user name. It may change, and be somebody else's tomorrow.
    pub username: Option<String>,
    /// In lower case; those that the provider has verified, and no others.
    pub verified_mails: Vec<String>,
    /// Whether there is a mail address that the provider has not verified.
    pub has_unverified_mail: bool,
    /// Organisations, or groups, as far as somebody asks for them.
    pub organisations: Vec<String>,
}

/// Why there is nobody.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It does not answer. That gets better.
    #[error(transparent)]
    Down(#[from] FetchError),
    /// It does not answer as the standard, or its own description, says.
    #[error("{0}")]
    Wrong(String),
    /// The person has changed his mind.
    #[error("the person said no there")]
    Cancelled,
    /// It says no, by a word of RFC 6749.
    #[error("it says {0}")]
    Refused(String),
}

fn wrong(what: impl Into<String>) -> ProviderError {
    ProviderError::Wrong(what.into())
}

/// An error code of a provider's, if it looks like one (RFC 6749 section 5.2); else nothing of what
/// a stranger has written.
fn code(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_code = (1..=64).contains(&text.len()) && text.bytes().all(plain);
    if is_code { text.to_owned() } else { "something that is no error code".to_owned() }
}

impl Provider {
    /// Where the browser goes to sign in; `again` if it has to be done again by somebody who is
    /// signed in here.
    ///
    /// # Errors
    /// A provider that does not say where.
    pub async fn authorization_url(
        &self,
        fetcher: &Fetcher,
        tie: &Tie<'_>,
        again: bool,
        now: UnixTime,
    ) -> Result<String, ProviderError> {
        let asked = async {
            match self.settings.kind {
                ProviderKind::OpenId => self.openid_url(fetcher, tie, again, now).await,
                ProviderKind::GitHub => self.github_url(tie, again),
            }
        };
        in_time(asked).await
    }

    /// Whose account it is that the browser has brought a code of.
    ///
    /// # Errors
    /// A provider that says no, or nothing that can be used.
    pub async fn account(
        &self,
        fetcher: &Fetcher,
        tie: &Tie<'_>,
        answer: &Answer,
        now: UnixTime,
    ) -> Result<Account, ProviderError> {
        let asked = async {
            match self.settings.kind {
                ProviderKind::OpenId => self.openid_account(fetcher, tie, answer, now).await,
                ProviderKind::GitHub => self.github_account(fetcher, tie, answer).await,
            }
        };
        in_time(asked).await
    }

    /// Our address there, registered by the operator: one for each provider, so that no answer of
    /// one is taken for another's (RFC 9700 section 4.4.2).
    #[must_use]
    pub fn redirect_uri(&self, issuer: &Issuer) -> String {
        issuer.url(&format!("/sign-in/provider/{}/callback", self.settings.name))
    }

    fn secret(&self) -> Option<&str> {
        self.settings.client_secret.as_ref().map(ExposeSecret::expose_secret)
    }
}

async fn in_time<T>(
    asked: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(FetchError::Slow.into()))
}

/// A token response, or an error one: RFC 6749 sections 5.1 and 5.2. GitHub sends both with 200.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<String>,
    token_type: Option<String>,
    id_token: Option<String>,
    error: Option<String>,
}

/// Sends a token request; the access token, and the ID token if there is one.
async fn tokens(
    fetcher: &Fetcher,
    request: RequestBuilder,
) -> Result<(String, Option<String>), ProviderError> {
    let said = fetcher.fetch(request).await?;
    let Some(response) = said.json::<TokenResponse>() else {
        return Err(not_json("the token endpoint", &said));
    };
    if let Some(error) = response.error {
        return Err(ProviderError::Refused(code(&error)));
    }
    let is_bearer = |kind: &String| kind.eq_ignore_ascii_case("bearer");
    match response.access_token {
        Some(token) if said.status == 200 && response.token_type.iter().any(is_bearer) => {
            Ok((token, response.id_token))
        }
        _ => Err(wrong(format!("no bearer token, and status {}", said.status))),
    }
}

/// What is neither an answer nor an error: a server that is broken, or another one.
fn not_json(what: &str, said: &Fetched) -> ProviderError {
    if said.status >= 500 {
        FetchError::Unreachable(format!("{what} answers {}", said.status)).into()
    } else {
        wrong(format!("{what} answers {} and no JSON of the kind", said.status))
    }
}

/// A text of a provider's that is short enough to be a name, and has nothing in it that is not seen.
fn name(text: Option<String>) -> Option<String> {
    let text = text.map(|text| text.trim().to_owned())?;
    let usable = (1..=LONGEST).contains(&text.len()) && !text.contains(char::is_control);
    usable.then_some(text)
}

/// A mail address in the one spelling in which it is compared.
fn mail(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let visible = |c: char| !c.is_control() && !c.is_whitespace();
    let usable = !local.is_empty() && !domain.is_empty() && text.len() <= LONGEST;
    (usable && text.chars().all(visible)).then(|| text.to_ascii_lowercase())
}
