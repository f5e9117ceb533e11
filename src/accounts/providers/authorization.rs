//! The authorization request and its response: RFC 6749 section 4.1, PKCE, RFC 9207. Nothing of it
//! is kept here: all of it follows from the cookie that ties the sign-in to the browser.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Provider, ProviderError, code, wrong};
use crate::accounts::sign_in;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{Issuer, Parameters, TokenSecret};
use crate::storage::sign_ins::SignIn;
use crate::storage::{DbConnection, Step};

/// What ties an answer of a provider to the browser that asked.
pub struct Tie<'a> {
    cookie: &'a TokenSecret,
    provider: &'a str,
    pub(super) redirect_uri: String,
}

impl<'a> Tie<'a> {
    /// For one sign-in at one provider.
    #[must_use]
    pub fn new(cookie: &'a TokenSecret, provider: &'a Provider, issuer: &Issuer) -> Self {
        let redirect_uri = provider.redirect_uri(issuer);
        Self { cookie, provider: &provider.settings.name, redirect_uri }
    }

    /// `state`: RFC 6749 section 10.12.
    #[must_use]
    pub fn state(&self) -> String {
        format!("{}.{}", self.cookie.id(), self.sign("state"))
    }

    /// Which sign-in a `state` belongs to, if it is one: the name of its cookie.
    #[must_use]
    pub fn sign_in_of(state: &str) -> &str {
        state.split_once('.').map_or("", |(id, _)| id)
    }

    /// In constant time.
    #[must_use]
    pub fn is_state(&self, state: &str) -> bool {
        let signature = state.split_once('.').map_or("", |(_, signature)| signature);
        self.cookie.verifies(&self.message("state"), signature)
    }

    /// `code_verifier`: RFC 7636 section 4.1, 43 characters.
    pub(super) fn verifier(&self) -> String {
        self.sign("code_verifier")
    }

    /// `nonce`: OpenID Connect Core section 3.1.2.1.
    pub(super) fn nonce(&self) -> String {
        self.sign("nonce")
    }

    /// An authorization request to this endpoint.
    pub(super) fn request(&self, endpoint: &str, more: &[(&str, &str)]) -> Option<String> {
        let mut url = Url::parse(endpoint).ok()?;
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(self.verifier()));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("state", &self.state())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(more.iter().filter(|(_, value)| !value.is_empty()));
        Some(url.into())
    }

    fn sign(&self, what: &str) -> String {
        self.cookie.sign(&self.message(what))
    }

    fn message(&self, what: &str) -> String {
        format!("{what} for the provider {}", self.provider)
    }
}

/// What a browser has brought: RFC 6749 section 4.1.2, RFC 9207 section 2.
#[derive(Debug)]
pub struct Answer {
    pub(super) code: String,
    pub(super) iss: Option<String>,
}

impl Answer {
    /// # Errors
    /// An error response, and one that is neither.
    pub fn read(parameters: &Parameters) -> Result<Self, ProviderError> {
        const LONGEST_CODE: usize = 4096;
        match (parameters.get("error"), parameters.get("code")) {
            (Some("access_denied"), _) => Err(ProviderError::Cancelled),
            (Some(error), _) => Err(ProviderError::Refused(code(error))),
            (None, Some(code)) if code.len() <= LONGEST_CODE => {
                Ok(Self { code: code.to_owned(), iss: parameters.get("iss").map(str::to_owned) })
            }
            (None, _) => Err(wrong("an answer without a code")),
        }
    }

    /// RFC 9207 section 2.4: as a string, and there if the provider says that it always is.
    pub(super) fn check_issuer(&self, issuer: &str, promised: bool) -> Result<(), ProviderError> {
        match &self.iss {
            Some(iss) if iss == issuer => Ok(()),
            None if !promised => Ok(()),
            Some(_) => Err(wrong("the answer is another provider's (iss)")),
            None => Err(wrong("the answer does not say whose it is (iss)")),
        }
    }
}

/// Uses up the sign-in, or the linking, that this browser has begun at a provider.
///
/// # Errors
/// `access_denied` when there is none, it is over, or somebody was first; and the database's.
pub fn take(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    provider: &str,
    now: UnixTime,
) -> Result<SignIn, Error> {
    let found = sign_in::find(conn, cookie, Step::Provider, now);
    let found = found.or_else(|_| sign_in::find(conn, cookie, Step::LinkProvider, now))?;
    if found.waiting.detail != provider {
        return Err(sign_in::over().into());
    }
    sign_in::take(conn, cookie, found.waiting.step, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::providers::Providers;
    use crate::config::{Config, Sources};
    use crate::oauth::{CodeVerifier, TokenId, TokenKind};

    fn providers() -> Providers {
        let settings = [
            ("OIDC_ISSUER", "https://id.example.org"),
            ("OIDC_CLIENT_ID", "x"),
            ("GITHUB_CLIENT_ID", "x"),
            ("GITHUB_CLIENT_SECRET", "y"),
        ];
        let settings = settings.map(|(name, text)| (format!("MCP_OAUTH_{name}"), text.to_owned()));
        let config = Config::from_sources(&Sources::gather(&[], None, settings).unwrap()).unwrap();
        Providers::new(&config.sign_in.providers)
    }

    fn answer(query: &str) -> Result<Answer, ProviderError> {
        Answer::read(&Parameters::parse(query).unwrap())
    }

    #[test]
    fn a_state_is_for_one_browser_and_one_provider() {
        let (providers, issuer) = (providers(), "https://h.example/as".parse().unwrap());
        let [mine, other] = [1, 1].map(|id| TokenSecret::generate(TokenKind::SignIn, TokenId(id)));
        let (oidc, github) = (providers.find("oidc").unwrap(), providers.find("github").unwrap());
        let tie = Tie::new(&mine, oidc, &issuer);
        assert_eq!(Tie::sign_in_of(&tie.state()), "1");
        assert!(tie.is_state(&tie.state()));
        assert!(!Tie::new(&other, oidc, &issuer).is_state(&tie.state()));
        assert!(!Tie::new(&mine, github, &issuer).is_state(&tie.state()));
        for forged in ["", ".", "1.", &tie.state()[..20]] {
            assert!(!tie.is_state(forged), "{forged}");
        }
        assert!(tie.verifier().parse::<CodeVerifier>().is_ok());
        assert_ne!(tie.nonce(), tie.verifier());
    }

    #[test]
    fn the_query_of_an_endpoint_is_kept() {
        let (providers, issuer) = (providers(), "https://h.example/as".parse().unwrap());
        let cookie = TokenSecret::generate(TokenKind::SignIn, TokenId(1));
        let tie = Tie::new(&cookie, providers.find("oidc").unwrap(), &issuer);
        let url = tie.request("https://id.example.org/go?tenant=a%26b", &[("scope", "")]).unwrap();
        assert!(url.starts_with("https://id.example.org/go?tenant=a%26b&response_type=code&"));
        assert!(
            url.contains("=https%3A%2F%2Fh.example%2Fas%2Fsign-in%2Fprovider%2Foidc%2Fcallback")
        );
        assert!(!url.contains("scope") && !url.contains(&tie.verifier()));
    }

    #[test]
    fn an_answer_is_a_code_or_an_error() {
        assert_eq!(answer("code=x&iss=y").unwrap().code, "x");
        assert!(matches!(answer("error=access_denied&code=x"), Err(ProviderError::Cancelled)));
        let refused = |query| answer(query).unwrap_err().to_string();
        assert_eq!(refused("error=server_error"), "it says server_error");
        assert_eq!(refused("error=%3Cb%3E"), "it says something that is no error code");
        assert!(refused("state=x").contains("without a code"));
        assert!(refused(&format!("code={}", "x".repeat(5000))).contains("without a code"));
    }

    #[test]
    fn an_answer_is_the_providers_that_was_asked() {
        let check = |query, promised| answer(query).unwrap().check_issuer("https://a", promised);
        assert!(check("code=x", false).is_ok());
        assert!(check("code=x&iss=https://a", true).is_ok());
        for (query, promised) in [("code=x", true), ("code=x&iss=https://a/", false)] {
            assert!(check(query, promised).is_err(), "{query}");
        }
    }
}
