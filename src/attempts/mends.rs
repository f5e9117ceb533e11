//! What mends a refusal, by its words; a test finds words that nobody is refused with any more.

use crate::authorization::obstacle::Obstacle;
use crate::clients::connecting::MAY_NOT_REGISTER;
use crate::words;

const AGAIN: &str = words!(
    "Remove the connection in the app and add it again: it registers anew. If that happens often, \
     look whether the service runs on another database than before."
);
const RESOURCE: &str = words!(
    "The URL of the MCP server in the app has to be the one that is registered here: compare them \
     letter by letter, with the path. `resource list` shows the one here."
);
const CODE: &str = words!("Start the connection once more in the app.");
const CONNECT: &str = words!("Nothing is wrong: connect the app again.");
const TWO_HOLDERS: &str = words!(
    "Two programs went on with one login. Connect again, once for each of them. If it is one \
     program, look whether it is restored from a copy, or was off for long in the middle of a \
     refresh."
);
const ENABLE: &str = words!(
    "The owner has disabled this app, and can enable it again: on the page of the app, or with \
     `client enable`."
);
const VERIFIER: &str = words!(
    "The app began two attempts and finished one with the secret of the other, or it forgot its \
     own. Close its other windows and connect once more."
);

/// Refusals that have a mend of their own. A page says them in its own language.
const MENDS: [(&str, &str); 37] = [
    ("this app is not registered here. Remove the connection in the app, and add it again", AGAIN),
    ("This app is no longer registered here", AGAIN),
    (words!("the client is unknown or not authenticated"), AGAIN),
    (words!("the client is disabled"), ENABLE),
    (
        words!("the user is disabled"),
        words!("The account was disabled. An owner can enable it again."),
    ),
    ("resource is not one that is served here", RESOURCE),
    (words!("resource is not the one that was granted"), RESOURCE),
    (words!("resource is not a URL"), RESOURCE),
    (words!("the resource is gone"), RESOURCE),
    (
        "no resource is served here yet",
        words!("Register the MCP server first: `resource add`, or MCP_OAUTH_RESOURCE."),
    ),
    (
        "only one resource can be asked for",
        words!("The app asks for several MCP servers at once. Connect each of them by itself."),
    ),
    (words!("code_verifier does not match"), VERIFIER),
    ("code_verifier is missing", VERIFIER),
    (
        "code_challenge is missing",
        words!("The app does not use PKCE with S256, which MCP demands. A newer version may."),
    ),
    (
        words!("the code has expired"),
        words!(
            "The app took too long to fetch its token. Start the connection once more in the app."
        ),
    ),
    (words!("the code is unknown"), CODE),
    (words!("the code is not one of ours"), CODE),
    (words!("the code was issued to another client"), CODE),
    (
        words!("the code was used before"),
        words!(
            "The app sent its code twice, and so the connection was ended, as the standard wants. \
             Connect again; an app that does it each time needs to be mended."
        ),
    ),
    (
        words!("redirect_uri is not the one of the authorization request"),
        words!(
            "The app sends another redirect_uri with its code than before. A newer version may not."
        ),
    ),
    (words!("the refresh token has expired"), CONNECT),
    (words!("the refresh token is unknown"), AGAIN),
    (words!("the refresh token is not one of ours"), AGAIN),
    (words!("the refresh token was used before; the grant has ended"), TWO_HOLDERS),
    (words!("the refresh token was used before, and too often since"), TWO_HOLDERS),
    (words!("the grant has ended"), CONNECT),
    (words!("the grant is gone"), CONNECT),
    (
        MAY_NOT_REGISTER,
        words!(
            "The operator decides which apps may connect, and names more of them by \
             MCP_OAUTH_KNOWN_CLIENTS, or adds this one with `client add`."
        ),
    ),
    (
        Obstacle::NotKnown.words(),
        words!(
            "The operator decides which apps may connect, and names more of them by \
             MCP_OAUTH_KNOWN_CLIENTS. One that `client list` shows can be let in: on the page of \
             the app, or with `client approve`."
        ),
    ),
    (
        Obstacle::Waits.words(),
        words!("The owner can let it in: on the page of the app, or with `client approve`."),
    ),
    (Obstacle::SwitchedOff.words(), ENABLE),
    (Obstacle::NotLetIn.words(), ENABLE),
    (
        Obstacle::Paused.words(),
        words!(
            "The owner has closed the MCP server for a while, and can open it again: on its page, \
             or with `access resume`."
        ),
    ),
    (
        Obstacle::NotAdmitted.words(),
        words!(
            "The owner can name the person: on the page of the MCP server, or with `resource \
             allow`."
        ),
    ),
    (
        Obstacle::NothingLeft.words(),
        words!(
            "The owner decides which scopes the app and the person may have: on the page of the \
             app and that of the MCP server, or with `client limit` and `resource allow`."
        ),
    ),
    (
        Obstacle::Gone.words(),
        words!(
            "The MCP server was removed here, and can be registered again: `resource add`. Else \
             remove it in the app too."
        ),
    ),
    (
        "apps that are known by an address are not taken here. Add the app in another way",
        words!("MCP_OAUTH_CLIENT_DOCUMENTS is off: let the app register, or add it: `client add`."),
    ),
];

/// What mends a refusal, which is `error: error_description`.
pub(super) fn mend(refusal: &str) -> &'static str {
    let (code, description) = code_and_description(refusal);
    let known = MENDS.iter().find(|(words, _)| *words == description);
    known.map_or_else(|| mend_of_code(code), |(_, mend)| mend)
}

/// `error` and `error_description`, which [`OAuthError`] puts beside each other; what a person is
/// told on a page has no code.
///
/// [`OAuthError`]: crate::oauth::OAuthError
#[must_use]
pub fn code_and_description(refusal: &str) -> (&str, &str) {
    match refusal.split_once(": ") {
        Some((code, description)) if !code.contains(' ') => (code, description),
        _ => ("", refusal),
    }
}

fn mend_of_code(code: &str) -> &'static str {
    match code {
        "invalid_target" => RESOURCE,
        "invalid_client" | "unauthorized_client" => AGAIN,
        "invalid_grant" | "access_denied" => CODE,
        "invalid_redirect_uri" => words!(
            "The redirect URIs of the app are not what OAuth 2.1 allows: https, loopback, or a \
             scheme of the app's own. A newer version of it may mend that."
        ),
        "invalid_client_metadata" => words!(
            "The app describes itself in a way that cannot be accepted. Look for a newer version, \
             or add it yourself: `client add`."
        ),
        "temporarily_unavailable" => words!("Wait a moment, and try again."),
        _ => words!("The app asks in a way that is not allowed. Look for a newer version of it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_refused_with_these_words() {
        let sources = [
            include_str!("../authorization/consent.rs"),
            include_str!("../authorization/obstacle.rs"),
            include_str!("../authorization/request.rs"),
            include_str!("../clients/authentication.rs"),
            include_str!("../clients/connecting.rs"),
            include_str!("../endpoints/authorization.rs"),
            include_str!("../grant_types/authorization_code.rs"),
            include_str!("../grant_types/mod.rs"),
            include_str!("../grant_types/refresh_token.rs"),
            include_str!("../oauth/pkce.rs"),
        ];
        // As the compiler reads them.
        let sources =
            sources.map(|source| -> String { source.split("\\\n").map(str::trim_start).collect() });
        for (words, _) in MENDS {
            let words = words.strip_suffix(" is missing").unwrap_or(words);
            let said = sources.iter().any(|source| source.contains(&format!("\"{words}")));
            assert!(said, "{words}");
        }
    }

    #[test]
    fn every_refusal_has_a_mend() {
        assert_eq!(mend("invalid_grant: code_verifier does not match"), VERIFIER);
        assert_eq!(mend("invalid_target: something new"), RESOURCE);
        assert_eq!(mend("something"), mend("invalid_request: something"));
        assert_eq!(mend("the client is disabled"), mend(Obstacle::SwitchedOff.words()));
        assert!(mend(Obstacle::Paused.words()).contains("`access resume`"), "it has a colon in it");
    }
}
