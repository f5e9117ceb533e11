//! OpenID Connect: discovery (Discovery 1.0 section 4), the code flow and user-info (Core 1.0
//! sections 3.1 and 5.3).

use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use reqwest::RequestBuilder;
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;
use url::{Host, Url};

use super::{
    Account, Answer, LONGEST, Provider, ProviderError, Tie, mail, name, not_json, tokens, wrong,
};
use crate::app::fetcher::Fetcher;
use crate::clock::{Seconds, UnixTime};
use crate::oauth::Issuer;

/// For how long a provider's description of itself is believed.
const FRESH: Seconds = Seconds(60 * 60);
/// The most groups that are looked at.
const MOST_GROUPS: usize = 1000;

/// What is known of a provider, and since when.
#[derive(Default)]
pub(super) struct Discovered(Mutex<Option<(UnixTime, Arc<Metadata>)>>);

/// OpenID Connect Discovery section 3, as far as we need it.
#[derive(Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// The standard's default, unless the provider has nothing but the other one.
    fn wants_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        let has = |wanted: &str| methods.is_some_and(|all| all.iter().any(|one| one == wanted));
        has("client_secret_post") && !has("client_secret_basic")
    }
}

/// What we look at in an ID token: OpenID Connect Core section 2.
#[derive(Deserialize)]
struct IdToken {
    iss: String,
    sub: String,
    aud: OneOrMany,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Many(many) => many.iter().any(|one| one == wanted),
        }
    }
}

/// OpenID Connect Core section 5.1, and the claim `groups` that many providers have.
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    preferred_username: Option<String>,
    name: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: Verified,
    #[serde(default)]
    groups: Option<serde_json::Value>,
}

/// Some say it as text.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Verified {
    Said(bool),
    Written(String),
    #[default]
    Unsaid,
}

impl Verified {
    fn is_true(&self) -> bool {
        match self {
            Self::Said(verified) => *verified,
            Self::Written(text) => text == "true",
            Self::Unsaid => false,
        }
    }
}

impl Provider {
    pub(super) async fn openid_url(
        &self,
        fetcher: &Fetcher,
        tie: &Tie<'_>,
        again: bool,
        now: UnixTime,
    ) -> Result<String, ProviderError> {
        let metadata = self.metadata(fetcher, now).await?;
        let nonce = tie.nonce();
        let more = [
            ("client_id", self.settings.client_id.as_str()),
            ("scope", &self.settings.scopes),
            ("nonce", &nonce),
            ("prompt", if again { "login" } else { "" }),
        ];
        let url = tie.request(&metadata.authorization_endpoint, &more);
        url.ok_or_else(|| wrong("its authorization endpoint is no URL"))
    }

    pub(super) async fn openid_account(
        &self,
        fetcher: &Fetcher,
        tie: &Tie<'_>,
        answer: &Answer,
        now: UnixTime,
    ) -> Result<Account, ProviderError> {
        let metadata = self.metadata(fetcher, now).await?;
        let promised = metadata.authorization_response_iss_parameter_supported;
        answer.check_issuer(self.settings.authority.as_str(), promised)?;
        let request = self.token_request(fetcher, &metadata, tie, answer)?;
        let (access_token, id_token) = tokens(fetcher, request).await?;
        let subject = self.check_id_token(id_token.as_deref(), &tie.nonce())?;
        let request = fetcher.client()?.get(&metadata.userinfo_endpoint);
        let said = fetcher.fetch(request.bearer_auth(access_token)).await?;
        let user_info = said.json::<UserInfo>().filter(|_| said.status == 200);
        let user_info = user_info.ok_or_else(|| not_json("the user-info endpoint", &said))?;
        // Core section 5.3.2: whatever else it says is not to be used.
        if user_info.sub != subject {
            return Err(wrong("user-info is about somebody else than the ID token"));
        }
        self.describe(user_info)
    }

    /// What the provider says of itself; asked again after a while.
    async fn metadata(
        &self,
        fetcher: &Fetcher,
        now: UnixTime,
    ) -> Result<Arc<Metadata>, ProviderError> {
        let known = || self.discovered.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, metadata)) = &*known() {
            let age = now - *at;
            if Seconds(0) <= age && age < FRESH {
                return Ok(metadata.clone());
            }
        }
        let issuer = &self.settings.authority;
        let request = fetcher.client()?.get(issuer.url("/.well-known/openid-configuration"));
        let said = fetcher.fetch(request).await?;
        let metadata = said.json::<Metadata>().filter(|_| said.status == 200);
        let metadata = metadata.ok_or_else(|| not_json("discovery", &said))?;
        // Discovery section 4.3.
        if metadata.issuer != issuer.as_str() {
            return Err(wrong("it calls itself by another issuer than the settings"));
        }
        for endpoint in [
            &metadata.authorization_endpoint,
            &metadata.token_endpoint,
            &metadata.userinfo_endpoint,
        ] {
            if !is_secure(endpoint, issuer) {
                return Err(wrong("it has an endpoint that is not https"));
            }
        }
        let metadata = Arc::new(metadata);
        *known() = Some((now, metadata.clone()));
        Ok(metadata)
    }

    /// RFC 6749 sections 2.3.1 and 4.1.3.
    fn token_request(
        &self,
        fetcher: &Fetcher,
        metadata: &Metadata,
        tie: &Tie<'_>,
        answer: &Answer,
    ) -> Result<RequestBuilder, ProviderError> {
        let verifier = tie.verifier();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &answer.code),
            ("redirect_uri", &tie.redirect_uri),
            ("code_verifier", &verifier),
        ];
        let request = fetcher.client()?.post(&metadata.token_endpoint);
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let id = self.settings.client_id.as_str();
        Ok(match self.secret() {
            Some(secret) if !metadata.wants_secret_in_body() => {
                request.basic_auth(encoded(id), Some(encoded(secret))).form(&form)
            }
            secret => {
                form.push(("client_id", id));
                form.extend(secret.map(|secret| ("client_secret", secret)));
                request.form(&form)
            }
        })
    }

    /// The subject of an ID token that has come from the token endpoint itself: TLS has said whose
    /// it is, in place of its signature (Core section 3.1.3.7, number 6).
    fn check_id_token(&self, token: Option<&str>, nonce: &str) -> Result<String, ProviderError> {
        let payload = token.and_then(|token| token.split('.').nth(1));
        let payload = payload.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
        let claims = payload.and_then(|json| serde_json::from_slice::<IdToken>(&json).ok());
        let claims = claims.ok_or_else(|| wrong("no ID token that can be read"))?;
        if claims.iss != self.settings.authority.as_str() {
            return Err(wrong("the ID token is another provider's (iss)"));
        }
        if !claims.aud.contains(&self.settings.client_id) {
            return Err(wrong("the ID token is for somebody else (aud)"));
        }
        if claims.nonce.as_deref() != Some(nonce) {
            return Err(wrong("the ID token is of another sign-in (nonce)"));
        }
        Ok(claims.sub)
    }

    fn describe(&self, user_info: UserInfo) -> Result<Account, ProviderError> {
        let sub = &user_info.sub;
        // Core section 2: at most 255 characters of ASCII.
        let is_subject = (1..=LONGEST).contains(&sub.len())
            && sub.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !is_subject {
            return Err(wrong("it names nobody (sub)"));
        }
        let verified = user_info.email_verified.is_true();
        let address = user_info.email.as_deref().and_then(mail);
        let username = name(user_info.preferred_username);
        let label = username.clone().or_else(|| address.clone()).or_else(|| name(user_info.name));
        Ok(Account {
            authority: self.settings.authority.to_string(),
            label: label.unwrap_or_else(|| sub.clone()),
            subject: user_info.sub,
            username,
            has_unverified_mail: address.is_some() && !verified,
            verified_mails: address.into_iter().filter(|_| verified).collect(),
            organisations: groups(user_info.groups),
        })
    }
}

/// A list of texts, or one text.
fn groups(claim: Option<serde_json::Value>) -> Vec<String> {
    let values = match claim {
        Some(serde_json::Value::Array(values)) => values,
        Some(one) => vec![one],
        None => vec![],
    };
    let text = |value| match value {
        serde_json::Value::String(text) => Some(text),
        _ => None,
    };
    values.into_iter().filter_map(text).take(MOST_GROUPS).collect()
}

/// https; or http on this machine, if the issuer is on it too.
fn is_secure(endpoint: &str, issuer: &Issuer) -> bool {
    let Ok(url) = Url::parse(endpoint) else { return false };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let https = url.scheme() == "https";
    (https || (url.scheme() == "http" && loopback && issuer.is_loopback()))
        && url.username().is_empty()
        && url.password().is_none()
}
