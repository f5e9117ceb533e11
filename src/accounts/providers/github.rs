//! GitHub: an OAuth 2.0 server with an API of its own for who somebody is. The endpoints are those
//! of its documentation; an enterprise server has the same below its own host.

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Account, Answer, Provider, ProviderError, Tie, mail, name, not_json, tokens, wrong};
use crate::app::fetcher::Fetcher;
use crate::config::Allowed;
use crate::oauth::Issuer;

/// `GET /user`
#[derive(Deserialize)]
struct User {
    /// Never changes; a login may be somebody else's tomorrow.
    id: u64,
    login: String,
}

/// `GET /user/emails`
#[derive(Deserialize)]
struct Email {
    email: String,
    verified: bool,
}

/// `GET /user/memberships/orgs/{org}`
#[derive(Deserialize)]
struct Membership {
    /// `active`, or `pending` for whoever is only invited.
    state: String,
    organization: Organization,
}

#[derive(Deserialize)]
struct Organization {
    login: String,
}

impl Provider {
    pub(super) fn github_url(&self, tie: &Tie<'_>, again: bool) -> Result<String, ProviderError> {
        let endpoint = self.settings.authority.url("/login/oauth/authorize");
        let more = [
            ("client_id", self.settings.client_id.as_str()),
            ("scope", &self.settings.scopes),
            ("prompt", if again { "select_account" } else { "" }),
        ];
        tie.request(&endpoint, &more).ok_or_else(|| wrong("its address is no URL"))
    }

    pub(super) async fn github_account(
        &self,
        fetcher: &Fetcher,
        tie: &Tie<'_>,
        answer: &Answer,
    ) -> Result<Account, ProviderError> {
        // It has begun to say it, and does not always.
        answer.check_issuer(&self.settings.authority.url("/login/oauth"), false)?;
        let verifier = tie.verifier();
        let form = [
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.secret().unwrap_or_default()),
            ("code", &answer.code),
            ("redirect_uri", &tie.redirect_uri),
            ("code_verifier", &verifier),
        ];
        let endpoint = self.settings.authority.url("/login/oauth/access_token");
        let request = fetcher.client()?.post(endpoint).header("Accept", "application/json");
        let (token, _) = tokens(fetcher, request.form(&form)).await?;
        let api = Api { fetcher, token, base: api_base(&self.settings.authority) };
        let user: User = api.get("/user").await?.ok_or_else(|| wrong("it names nobody"))?;
        let emails = if self.asks_for_mail() { api.emails().await? } else { vec![] };
        let mails = emails.iter().filter(|one| one.verified).filter_map(|one| mail(&one.email));
        Ok(Account {
            authority: self.settings.authority.to_string(),
            subject: user.id.to_string(),
            label: name(Some(user.login.clone())).ok_or_else(|| wrong("it names nobody"))?,
            username: name(Some(user.login.to_ascii_lowercase())),
            verified_mails: mails.collect(),
            has_unverified_mail: emails.iter().any(|email| !email.verified),
            organisations: self.memberships(&api).await?,
        })
    }

    fn asks_for_mail(&self) -> bool {
        let by_mail = |one: &Allowed| matches!(one, Allowed::Mail(_) | Allowed::Domain(_));
        self.settings.allow.iter().any(by_mail)
    }

    /// Of those that may come in, the organisations in which the account is.
    async fn memberships(&self, api: &Api<'_>) -> Result<Vec<String>, ProviderError> {
        let mut found = vec![];
        for allowed in &self.settings.allow {
            let Allowed::Organisation(wanted) = allowed else { continue };
            let path: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
            let path = format!("/user/memberships/orgs/{path}");
            let membership: Option<Membership> = api.get(&path).await?;
            let is_in = |membership: &Membership| {
                membership.state == "active"
                    && membership.organization.login.eq_ignore_ascii_case(wanted)
            };
            found.extend(membership.filter(is_in).map(|_| wanted.clone()));
        }
        Ok(found)
    }
}

/// GitHub's API, for one account.
struct Api<'a> {
    fetcher: &'a Fetcher,
    token: String,
    base: String,
}

impl Api<'_> {
    /// None for what there is not, or what the account may not see.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ProviderError> {
        let request = self.request(path)?;
        let answer = self.fetcher.fetch(request).await?;
        match answer.status {
            200 => answer.json().map(Some).ok_or_else(|| not_json("its API", &answer)),
            403 | 404 => Ok(None),
            _ => Err(not_json("its API", &answer)),
        }
    }

    async fn emails(&self) -> Result<Vec<Email>, ProviderError> {
        Ok(self.get("/user/emails?per_page=100").await?.unwrap_or_default())
    }

    fn request(&self, path: &str) -> Result<RequestBuilder, ProviderError> {
        let request = self.fetcher.client()?.get(format!("{}{path}", self.base));
        let request = request.bearer_auth(&self.token);
        let request = request.header("Accept", "application/vnd.github+json");
        Ok(request.header("X-GitHub-Api-Version", "2022-11-28"))
    }
}

/// `api.github.com`; the same for a tenant of `ghe.com`; `/api/v3` on a server of one's own.
fn api_base(authority: &Issuer) -> String {
    match authority.origin().split_once("://") {
        Some((_, host)) if host == "github.com" || host.ends_with(".ghe.com") => {
            format!("https://api.{host}")
        }
        _ => authority.url("/api/v3"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_where_the_documentation_says() {
        for (url, api) in [
            ("https://github.com", "https://api.github.com"),
            ("https://octo.ghe.com/", "https://api.octo.ghe.com"),
            ("https://git.example.org", "https://git.example.org/api/v3"),
            ("https://github.com.example.org", "https://github.com.example.org/api/v3"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/api/v3"),
        ] {
            assert_eq!(api_base(&url.parse().unwrap()), api);
        }
    }
}
