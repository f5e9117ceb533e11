//! What a client does at `/token` and `/revoke`, and what the MCP server is told.

use std::sync::Arc;

use mcp_oauthd::authorization::request;
use mcp_oauthd::clients::Presented;
use mcp_oauthd::gate;
use mcp_oauthd::grant_types::{Terms, TokenResponse, authorization_code, refresh_token};
use mcp_oauthd::oauth::{GrantId, OAuthError, TokenKind, TokenSecret};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::access_tokens::Described;
use mcp_oauthd::storage::clients::Client;
use mcp_oauthd::storage::grants::{self, Grant, Narrowing};
use mcp_oauthd::storage::refresh_tokens::{self, RefreshToken};
use mcp_oauthd::storage::resources;
use serde::Deserialize;

use crate::fixture::{self, CODE_LIFETIME, Fixture, REDIRECT_URI, VERIFIER, parameter, sign_in};
use crate::form::Form;

/// What a client has in hand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Pair {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) expires_in: i64,
    pub(crate) scope: String,
}

impl Pair {
    pub(crate) fn refresh(&self) -> &str {
        self.refresh_token.as_deref().unwrap()
    }

    pub(crate) fn of(response: &TokenResponse) -> Self {
        serde_json::from_value(serde_json::to_value(response).unwrap()).unwrap()
    }
}

impl Fixture {
    pub(crate) fn terms(&self) -> Terms {
        Terms { now: self.clock.now(), ..self.terms }
    }

    /// A code for `client`, for which the person has signed in and said yes.
    pub(crate) async fn code_of(&self, client: &Client) -> String {
        let (asked, user) = (self.asked(client), self.user.clone());
        let url = self.decide(move |conn, now| {
            let signed_in = sign_in(conn, &user, now)?;
            let cookie = request::keep(conn, &asked, CODE_LIFETIME, 100, now)?;
            fixture::approve(conn, &cookie, &signed_in, now)
        });
        parameter(&url.await.unwrap(), "code").unwrap()
    }

    pub(crate) async fn code(&self) -> String {
        self.code_of(&self.client).await
    }

    pub(crate) fn code_form(&self, code: &str) -> Form {
        Form::new()
            .and("client_id", self.client.client_id.as_str())
            .and("code", code)
            .and("code_verifier", VERIFIER)
            .and("redirect_uri", REDIRECT_URI)
    }

    pub(crate) fn refresh_form(&self, refresh_token: &str) -> Form {
        Form::new()
            .and("client_id", self.client.client_id.as_str())
            .and("refresh_token", refresh_token)
    }

    /// `grant_type=authorization_code`
    pub(crate) async fn redeem(&self, form: &Form) -> Result<Pair, OAuthError> {
        let form = form.parameters()?;
        let presented = Presented::from_request(None, &form, false)?;
        let request = authorization_code::Request::from_parameters(&form)?;
        let terms = self.terms();
        let redemption = self.decide(move |conn, _| {
            let client = presented.client(conn)?;
            authorization_code::exchange(conn, &client, &request, &terms)
        });
        redemption.await?.into_response().map(|response| Pair::of(&response))
    }

    /// `grant_type=refresh_token`
    pub(crate) async fn refresh_with(&self, form: &Form) -> Result<Pair, OAuthError> {
        let form = form.parameters()?;
        let presented = Presented::from_request(None, &form, false)?;
        let request = refresh_token::Request::from_parameters(&form)?;
        let terms = self.terms();
        let rotation = self.decide(move |conn, _| {
            let client = presented.client(conn)?;
            refresh_token::exchange(conn, &client, &request, &terms)
        });
        rotation.await?.into_response().map(|response| Pair::of(&response))
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<Pair, OAuthError> {
        self.refresh_with(&self.refresh_form(refresh_token)).await
    }

    /// From the yes to the first pair.
    pub(crate) async fn connect(&self) -> Pair {
        let code = self.code().await;
        self.redeem(&self.code_form(&code)).await.unwrap()
    }

    pub(crate) async fn revoke_as(&self, client: &Client, token: &str) -> Result<(), OAuthError> {
        let form = Form::new().and("client_id", client.client_id.as_str()).parameters()?;
        let presented = Presented::from_request(None, &form, false)?;
        let token = token.to_owned();
        self.decide(move |conn, now| {
            let client = presented.client(conn)?;
            revocation::revoke_token(conn, &client, &token, now)
        })
        .await
    }

    pub(crate) async fn revoke(&self, token: &str) -> Result<(), OAuthError> {
        self.revoke_as(&self.client, token).await
    }

    /// What the MCP server is told of this token.
    pub(crate) async fn examine(&self, token: &str) -> Option<Described> {
        let now = self.clock.now();
        let registered = &self.resource;
        let examined = self.storage.read_known(|known| {
            let resource = resources::find_by_uri(known.conn, &registered.uri)?;
            gate::examine(known, token, resource.as_ref().unwrap_or(registered), now)
        });
        examined.await.unwrap().map(Arc::unwrap_or_clone)
    }

    pub(crate) async fn is_active(&self, token: &str) -> bool {
        self.examine(token).await.is_some()
    }

    /// The MCP server has seen this access token: its client has the pair.
    pub(crate) async fn confirm(&self, access_token: &str) {
        let pair = self.examine(access_token).await.unwrap().token.generation.unwrap();
        self.write(move |conn, now| refresh_tokens::confirm(conn, pair, now)).await;
    }

    pub(crate) async fn row(&self, refresh_token: &str) -> RefreshToken {
        let id = TokenSecret::parse(TokenKind::Refresh, refresh_token).unwrap().id();
        self.read(|conn| refresh_tokens::find(conn, id)).await.unwrap()
    }

    /// Every grant, the newest first.
    pub(crate) async fn grants(&self) -> Vec<Grant> {
        let all = Narrowing { with_revoked: true, ..Narrowing::default() };
        self.read(|conn| grants::list(conn, &all, GrantId(i64::MAX), 1000)).await
    }
}
