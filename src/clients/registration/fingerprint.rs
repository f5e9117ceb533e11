//! Which registrations are the same. RFC 7591 section 3.2.1 lets a server answer with a client that
//! it has.

use serde::Serialize;

use crate::oauth::{ClientMetadata, RedirectUri, TokenHash};

/// Metadata without what makes no difference.
#[derive(Serialize)]
struct Canonical<'a> {
    redirect_uris: Vec<String>,
    contacts: Vec<&'a str>,
    /// Its own lists are empty here: they stand above, in order. Those of grant and response types,
    /// and the scope, are in one order as soon as they are in force.
    rest: ClientMetadata,
}

/// SHA-256 of what a public client registers with, as it is in force; none for a confidential one,
/// whose secret is its own.
///
/// The order of a list makes no difference, nor does a port of a loopback address: clients that
/// listen on another one each time may use any (RFC 8252 section 7.3).
#[must_use]
pub fn fingerprint(metadata: &ClientMetadata) -> Option<TokenHash> {
    if !metadata.is_public() {
        return None;
    }
    let canonical = Canonical {
        redirect_uris: sorted(metadata.redirect_uris.iter().map(RedirectUri::without_its_port)),
        contacts: sorted(metadata.contacts.iter().flatten().map(String::as_str)),
        rest: ClientMetadata { redirect_uris: vec![], contacts: None, ..metadata.clone() },
    };
    serde_json::to_string(&canonical).ok().map(|text| TokenHash::of(&text))
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, metadata};
    use super::*;

    const BOUNDS: Bounds = Bounds { redirect_uris: 9, string: 999, unused_clients: 9 };

    fn of(members: &str) -> Option<TokenHash> {
        let body = format!(r#"{{"token_endpoint_auth_method":"none",{members}}}"#);
        fingerprint(&metadata(body.as_bytes(), &BOUNDS).unwrap())
    }

    #[test]
    fn ports_of_loopback_addresses_and_orders_make_no_difference() {
        for (one, other) in [
            (
                r#""redirect_uris":["http://localhost:5000/cb"]"#,
                r#""redirect_uris":["http://localhost/cb"]"#,
            ),
            (
                r#""redirect_uris":["http://127.0.0.1:33418/","https://vscode.dev/redirect"]"#,
                r#""redirect_uris":["https://vscode.dev/redirect","http://127.0.0.1"]"#,
            ),
            (
                r#""redirect_uris":["https://a.example/"],"grant_types":["refresh_token","authorization_code"],"scope":"a b""#,
                r#""grant_types":["authorization_code","refresh_token"],"scope":"b a","redirect_uris":["https://a.example/"],"jwks":{}"#,
            ),
            (
                r#""redirect_uris":["https://a.example/"],"contacts":["a","b"],"client_uri":null"#,
                r#""redirect_uris":["https://a.example/"],"contacts":["b","a"],"scope":"""#,
            ),
        ] {
            assert!(of(one).is_some());
            assert_eq!(of(one), of(other), "{one} {other}");
        }
    }

    #[test]
    fn everything_else_does() {
        let plain = r#""redirect_uris":["http://localhost/cb"]"#;
        let mut all = vec![of(plain).unwrap()];
        for other in [
            r#""redirect_uris":["http://127.0.0.1/cb"]"#.to_owned(),
            r#""redirect_uris":["http://localhost/cb2"]"#.to_owned(),
            r#""redirect_uris":["http://localhost/cb","https://a.example/"]"#.to_owned(),
            r#""redirect_uris":["https://localhost:5000/cb"]"#.to_owned(),
            r#""redirect_uris":["https://localhost/cb"]"#.to_owned(),
            format!(r#"{plain},"client_name":"A""#),
            format!(r#"{plain},"client_uri":"https://a.example""#),
            format!(r#"{plain},"logo_uri":"https://a.example""#),
            format!(r#"{plain},"scope":"mcp""#),
            format!(r#"{plain},"grant_types":["authorization_code"]"#),
            format!(r#"{plain},"contacts":["A"]"#),
            format!(r#"{plain},"software_version":"2""#),
            format!(r#"{plain},"application_type":"web""#),
        ] {
            let other = of(&other).unwrap();
            assert!(!all.contains(&other));
            all.push(other);
        }
    }

    #[test]
    fn a_confidential_client_is_like_no_other() {
        let metadata = metadata(br#"{"redirect_uris":["https://a.example/"]}"#, &BOUNDS).unwrap();
        assert!(fingerprint(&metadata).is_none());
    }
}
