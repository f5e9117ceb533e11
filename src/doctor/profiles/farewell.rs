//! Nothing is left behind: the grant is revoked (RFC 7009), and the client is deleted (RFC 7592) or
//! named.

use reqwest::Method;
use secrecy::ExposeSecret as _;

use super::challenge;
use super::discovery::Found;
use super::registration::Client;
use super::replay::Replay;
use super::tokens::{self, Tokens};
use super::wire::Request;

const CHECK: &str = "clean-up";

/// Ends the grant, and sees whether it has ended.
pub async fn revoke(replay: &mut Replay<'_>, found: &Found, client: &Client, tokens: &Tokens) {
    let mend = "end it with: mcp-oauthd grant list, grant revoke";
    let (token, hint) = match &tokens.refresh {
        Some(refresh) => (refresh, "refresh_token"),
        None => (&tokens.access, "access_token"),
    };
    let form = [("token", token.expose_secret()), ("token_type_hint", hint)];
    let answer = match found.endpoint("revocation_endpoint") {
        Some(endpoint) => tokens::post(replay, client, &endpoint, &form).await,
        None => Err("there is no revocation_endpoint".to_owned()),
    };
    match answer {
        Ok(answer) if answer.status == 200 => {}
        Ok(answer) => {
            let says = format!("the grant of this look is not revoked: {}", answer.refusal());
            return replay.doubtful(CHECK, says, mend);
        }
        Err(why) => {
            return replay.doubtful(CHECK, format!("the grant is not revoked: {why}"), mend);
        }
    }
    match challenge::probe(replay, Some(tokens.access.expose_secret())).await {
        Ok(answer) if answer.status == 401 => {
            replay.fine(CHECK, "the grant is revoked, and the MCP server knows it");
        }
        _ => replay.doubtful(
            CHECK,
            "the grant is revoked, and the MCP server still takes its token",
            "let the MCP server keep the answers of introspection for less long",
        ),
    }
}

/// Deletes what was registered, where that is offered.
pub async fn unregister(replay: &mut Replay<'_>, client: &Client) {
    let Some(name) = &client.registered else { return };
    let (id, name) = (client.id.clone(), name.clone());
    let left = format!("the client {id} stays, by the name {name}");
    let Some((url, token)) = &client.management else {
        return replay.fine(CHECK, format!("{left}; the service forgets it when nobody uses it"));
    };
    let authorization = format!("Bearer {}", token.expose_secret());
    let headers = [("authorization", authorization.as_str())];
    let request = Request { method: Method::DELETE, url, headers: &headers };
    match replay.wire.ask(request, |builder| builder).await {
        Ok(answer) if answer.status == 204 => replay.fine(CHECK, "the registration is deleted"),
        Ok(answer) => {
            let mend = format!("mcp-oauthd client remove {id}");
            replay.doubtful(CHECK, format!("{left}: {}", answer.refusal()), mend);
        }
        Err(lost) => {
            let mend = format!("mcp-oauthd client remove {id}");
            replay.doubtful(CHECK, format!("{left}: {lost}"), mend);
        }
    }
}
