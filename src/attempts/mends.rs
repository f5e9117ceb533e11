//! What mends a refusal, by its words; a test finds words that nobody is refused with any more.

use crate::clients::connecting::{MAY_NOT_REGISTER, NOT_KNOWN};
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
const NAME_IT: &str = words!(
    "The operator decides which apps may connect, and names more of them by \
     MCP_OAUTH_KNOWN_CLIENTS."
);
const VERIFIER: &str = words!(
    "The app began two attempts and finished one with the secret of the other, or it forgot its \
     own. Close its other windows and connect once more."
);

/// Refusals that have a mend of their own.
const MENDS: [(&str, &str); 29] = [
    ("this app is not registered here. Remove the connection in the app, and add it again", AGAIN),
    ("the client is unknown or not authenticated", AGAIN),
    ("the client is disabled", words!("The owner has disabled this app, and can enable it again.")),
    ("the user is disabled", words!("The account was disabled. An owner can enable it again.")),
    ("resource is not one that is served here", RESOURCE),
    ("resource is not the one that was granted", RESOURCE),
    ("resource is not a URL", RESOURCE),
    ("the resource is gone", RESOURCE),
    (
        "no resource is served here yet",
        words!("Register the MCP server first: `resource add`, or MCP_OAUTH_RESOURCE."),
    ),
    (
        "only one resource can be asked for",
        words!("The app asks for several MCP servers at once. Connect each of them by itself."),
    ),
    ("code_verifier does not match", VERIFIER),
    ("code_verifier is missing", VERIFIER),
    (
        "code_challenge is missing",
        words!("The app does not use PKCE with S256, which MCP demands. A newer version may."),
    ),
    (
        "the code has expired",
        words!(
            "The app took too long to fetch its token. Start the connection once more in the app."
        ),
    ),
    ("the code is unknown", CODE),
    ("the code is not one of ours", CODE),
    ("the code was issued to another client", CODE),
    (
        "the code was used before",
        words!(
            "The app sent its code twice, and so the connection was ended, as the standard wants. \
             Connect again; an app that does it each time needs to be mended."
        ),
    ),
    (
        "redirect_uri is not the one of the authorization request",
        words!(
            "The app sends another redirect_uri with its code than before. A newer version may not."
        ),
    ),
    ("the refresh token has expired", CONNECT),
    ("the refresh token is unknown", AGAIN),
    ("the refresh token is not one of ours", AGAIN),
    ("the refresh token was used before; the grant has ended", TWO_HOLDERS),
    ("the refresh token was used before, and too often since", TWO_HOLDERS),
    ("the grant has ended", CONNECT),
    ("the grant is gone", CONNECT),
    (NOT_KNOWN, NAME_IT),
    (MAY_NOT_REGISTER, NAME_IT),
    (
        "apps that are known by an address are not taken here. Add the app in another way",
        words!("MCP_OAUTH_CLIENT_DOCUMENTS is off: let the app register, or add it: `client add`."),
    ),
];

/// What mends a refusal, which is `error: error_description`.
pub(super) fn mend(refusal: &str) -> &'static str {
    let (code, description) = refusal.split_once(": ").unwrap_or(("", refusal));
    let known = MENDS.iter().find(|(words, _)| *words == description);
    known.map_or_else(|| mend_of_code(code), |(_, mend)| mend)
}

fn mend_of_code(code: &str) -> &'static str {
    match code {
        "invalid_target" => RESOURCE,
        "invalid_client" | "unauthorized_client" => AGAIN,
        "invalid_grant" => CODE,
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
    }
}
