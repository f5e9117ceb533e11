//! From the code to the last token: RFC 6749 sections 4.1.3, 5.1 and 6, and RFC 7009.

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::authorization::{Asked, with_offline_access};
use super::challenge;
use super::discovery::Found;
use super::farewell;
use super::profile::{Refresh, RefreshScope};
use super::registration::Client;
use super::replay::Replay;
use super::shape;
use super::wire::Request;
use crate::doctor::Finding;

const TOKEN: &str = "token";
const CALL: &str = "call";
const REFRESH: &str = "refresh";
const MEND: &str = "let the proxy pass the token endpoint and its answers as they are";

/// What the token endpoint has given.
pub struct Tokens {
    /// `access_token`.
    pub access: SecretString,
    /// `refresh_token`.
    pub refresh: Option<SecretString>,
    /// `scope`.
    scope: Option<String>,
    /// `expires_in`.
    expires_in: Option<i64>,
}

/// Redeems the code, calls the MCP server, refreshes as the client does, and gives everything back.
///
/// # Errors
/// What would stop the client.
pub async fn use_code(
    replay: &mut Replay<'_>,
    found: &Found,
    client: &Client,
    (asked, code): (&Asked, &SecretString),
) -> Result<(), Finding> {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.expose_secret()),
        ("code_verifier", asked.verifier.expose_secret()),
        ("redirect_uri", &asked.redirect_uri),
        ("resource", &asked.resource),
    ];
    let tokens = ask(replay, found, client, &form).await;
    let first = tokens.map_err(|why| {
        let says = format!("{} gets no token: {why}", replay.profile.product);
        Finding::wrong(TOKEN, says, MEND)
    })?;
    lifetime(replay, &first);
    let ended = use_tokens(replay, found, client, (asked, &first)).await;
    let last = ended.as_ref().unwrap_or(&first);
    farewell::revoke(replay, found, client, last).await;
    ended.map(|_| ())
}

async fn use_tokens(
    replay: &mut Replay<'_>,
    found: &Found,
    client: &Client,
    (asked, first): (&Asked, &Tokens),
) -> Result<Tokens, Finding> {
    call(replay, first, "the token").await?;
    let Some(refresh) = &first.refresh else {
        let says = format!(
            "{} gets no refresh token, and its person signs in again and again",
            replay.profile.product
        );
        replay.doubtful(REFRESH, says, "let the client ask for the grant refresh_token");
        return Ok(copy(first));
    };
    let habit = replay.profile.tokens.refresh;
    let (renewed, other) =
        refresh_once_or_twice(replay, found, client, (asked, first, refresh)).await?;
    let renewed = Tokens { refresh: renewed.refresh.or_else(|| first.refresh.clone()), ..renewed };
    call(replay, &renewed, "the refreshed token").await?;
    if let Some(other) = &other {
        call(replay, other, "the token of the second refresh").await?;
    }
    if let Err(refused) = call(replay, first, "the token before that").await {
        // Another process of the client may hold it.
        if habit == Refresh::Together {
            return Err(refused);
        }
        replay.doubtful(CALL, refused.says, "let an access token live until its own end");
    }
    replay.fine(
        REFRESH,
        match habit {
            Refresh::Once => "once, and both tokens work",
            Refresh::Together => "twice at the same time with one token, and all tokens work",
            Refresh::AtStart => "at once, as at each start, and both tokens work",
        },
    );
    Ok(renewed)
}

/// What a refresh gives, and what a second one does that is put at the same time, where the client
/// has that habit.
async fn refresh_once_or_twice(
    replay: &Replay<'_>,
    found: &Found,
    client: &Client,
    (asked, first, refresh): (&Asked, &Tokens, &SecretString),
) -> Result<(Tokens, Option<Tokens>), Finding> {
    let scope = refreshed_scope(replay, found, (asked, first));
    let mut form =
        vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())];
    if let Some(scope) = &scope {
        form.push(("scope", scope));
    }
    if replay.profile.tokens.refresh_resource {
        form.push(("resource", &asked.resource));
    }
    let product = replay.profile.product;
    let refused = |why: String| {
        Finding::wrong(REFRESH, format!("{product} has to sign in again: {why}"), MEND)
    };
    if replay.profile.tokens.refresh != Refresh::Together {
        return Ok((ask(replay, found, client, &form).await.map_err(refused)?, None));
    }
    // Each takes a connection of its own, since neither waits for the other.
    let (one, other) =
        tokio::join!(ask(replay, found, client, &form), ask(replay, found, client, &form));
    let other = other.map_err(|why| refused(format!("of two at once, {why}")));
    Ok((one.map_err(refused)?, Some(other?)))
}

/// The token endpoint: one question, and the answer as the client reads it. An error has nothing
/// secret in it.
async fn ask(
    replay: &Replay<'_>,
    found: &Found,
    client: &Client,
    form: &[(&str, &str)],
) -> Result<Tokens, String> {
    let endpoint = found.endpoint("token_endpoint").ok_or("token_endpoint is no URL")?;
    let answer = post(replay, client, &endpoint, form).await?;
    if answer.status != 200 {
        return Err(answer.refusal());
    }
    let read = shape::Document::Token.read(replay.profile.reading, &answer.body)?;
    let text = |name: &str| read.get(name).and_then(Value::as_str);
    if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err("token_type is not Bearer".to_owned());
    }
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    Ok(Tokens {
        access: text("access_token").unwrap_or_default().to_owned().into(),
        refresh: text("refresh_token").map(|token| token.to_owned().into()),
        scope: text("scope").map(str::to_owned),
        expires_in: read.get("expires_in").and_then(number),
    })
}

/// A form, with the client's credentials where it puts them: RFC 6749 section 2.3.1.
///
/// # Errors
/// When there is no answer.
pub async fn post(
    replay: &Replay<'_>,
    client: &Client,
    endpoint: &Url,
    form: &[(&str, &str)],
) -> Result<super::wire::Answer, String> {
    let mut form = form.to_vec();
    // Also beside Basic, as the SDKs for Python and TypeScript do.
    form.push(("client_id", &client.id));
    let mut basic = None;
    if let Some(secret) = &client.secret {
        match client.method.as_str() {
            "client_secret_basic" => basic = Some(secret),
            "none" => {}
            _ if replay.profile.tokens.basic && client.method != "client_secret_post" => {
                basic = Some(secret);
            }
            _ => form.push(("client_secret", secret.expose_secret())),
        }
    }
    let headers = [("accept", "application/json")];
    let request = Request { method: Method::POST, url: endpoint, headers: &headers };
    let answer = replay.wire.ask(request, |builder| match basic {
        Some(secret) => builder.basic_auth(&client.id, Some(secret.expose_secret())).form(&form),
        None => builder.form(&form),
    });
    answer.await.map_err(|lost| lost.to_string())
}

fn lifetime(replay: &mut Replay<'_>, tokens: &Tokens) {
    let (product, margin) = (replay.profile.product, replay.profile.tokens.margin);
    match tokens.expires_in {
        Some(seconds) if seconds > margin => {
            replay.fine(TOKEN, format!("a token for {seconds} seconds"));
        }
        Some(seconds) => {
            let says = format!(
                "{product} refreshes at every call: a token for {seconds} seconds is, to it, one that ends"
            );
            replay.doubtful(TOKEN, says, "set MCP_OAUTH_ACCESS_TOKEN_LIFETIME to more");
        }
        None => {
            let says = format!(
                "expires_in is missing, and {product} does not refresh before it is refused"
            );
            replay.doubtful(TOKEN, says, MEND);
        }
    }
}

async fn call(replay: &mut Replay<'_>, tokens: &Tokens, which: &str) -> Result<(), Finding> {
    let answer = challenge::probe(replay, Some(tokens.access.expose_secret())).await;
    let mend = "does the header Authorization come through the proxy, and does the MCP server \
                introspect here, with the resource that it has in its settings?";
    let wrong = |says: String| Err(Finding::wrong(CALL, says, mend));
    match answer {
        Err(why) => wrong(format!("{which} cannot be used: {why}")),
        Ok(answer) if matches!(answer.status, 401 | 403) => {
            wrong(format!("{which} is refused: {} answers {}", replay.typed, answer.status))
        }
        Ok(answer) => {
            replay.fine(
                CALL,
                format!("{which} is taken: {} answers {}", replay.typed, answer.status),
            );
            Ok(())
        }
    }
}

fn refreshed_scope(
    replay: &Replay<'_>,
    found: &Found,
    (asked, tokens): (&Asked, &Tokens),
) -> Option<String> {
    match replay.profile.tokens.refresh_scope {
        RefreshScope::Absent => None,
        RefreshScope::Asked => asked.scope.clone(),
        RefreshScope::GrantedAndOffline => with_offline_access(
            tokens.scope.clone().or_else(|| asked.scope.clone()),
            found.lists("scopes_supported", "offline_access"),
        ),
    }
}

fn copy(tokens: &Tokens) -> Tokens {
    Tokens {
        access: tokens.access.clone(),
        refresh: tokens.refresh.clone(),
        scope: tokens.scope.clone(),
        expires_in: tokens.expires_in,
    }
}
