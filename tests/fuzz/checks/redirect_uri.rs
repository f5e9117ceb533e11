//! `redirect_uri`: OAuth 2.1 section 2.3, RFC 8252 sections 7.1 and 7.3.

use mcp_oauthd::oauth::{Destination, RedirectUri};
use url::Url;

/// What is appended to it, in characters that have to be encoded.
const ANSWER: [(&str, &str); 3] =
    [("code", "a+b /=&c"), ("state", "\u{e4}#?%"), ("iss", "https://h")];

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let Ok(uri) = text.parse::<RedirectUri>() else { return };
    assert_eq!(uri.as_str(), text);
    is_sound(&uri);
}

/// What holds of every redirect URI that was accepted.
pub(crate) fn is_sound(uri: &RedirectUri) {
    let text = uri.as_str();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains('#'), "{text}");
    assert_eq!(text.parse::<RedirectUri>().as_ref(), Ok(uri));
    let json = serde_json::to_string(uri).unwrap();
    assert_eq!(serde_json::from_str::<RedirectUri>(&json).unwrap(), *uri);
    // As a browser reads it.
    let url = Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let no_user = url.username().is_empty() && url.password().is_none();
    assert!(no_user && url.fragment().is_none(), "{text}");
    leads_where_it_says(uri, &url);
    allows_itself(uri);
    takes_an_answer(uri, &url);
}

fn leads_where_it_says(uri: &RedirectUri, url: &Url) {
    match uri.destination() {
        Destination::Web(host) => {
            assert_eq!((url.scheme(), url.host_str()), ("https", Some(host.as_str())));
        }
        Destination::Loopback(host) => {
            assert!(["127.0.0.1", "[::1]", "localhost"].contains(&host.as_str()), "{uri}");
            assert_eq!((url.scheme(), url.host_str()), ("http", Some(host.as_str())));
        }
        Destination::App(scheme) => {
            assert_eq!(url.scheme(), scheme);
            let run_by_browsers = ["http", "https", "javascript", "data", "file", "blob", "about"];
            assert!(!run_by_browsers.contains(&scheme.as_str()), "{uri}");
        }
    }
}

fn allows_itself(uri: &RedirectUri) {
    assert!(uri.allows(uri), "{uri}");
    let portless: RedirectUri = uri.without_its_port().parse().unwrap();
    assert!(uri.allows(&portless) && portless.allows(uri), "{uri} {portless}");
    assert_eq!(portless.without_its_port(), portless.as_str());
    if !matches!(uri.destination(), Destination::Loopback(_)) {
        assert_eq!(*uri, portless);
        return;
    }
    // Another port is the same client, another path is not.
    let url = Url::parse(uri.as_str()).unwrap();
    let mut elsewhere = url.clone();
    elsewhere.set_port(Some(49_152)).unwrap();
    if let Ok(elsewhere) = elsewhere.as_str().parse::<RedirectUri>()
        && url.as_str() == uri.as_str()
    {
        assert!(uri.allows(&elsewhere), "{uri} {elsewhere}");
    }
    elsewhere.set_path(&format!("{}/x", url.path()));
    if let Ok(elsewhere) = elsewhere.as_str().parse::<RedirectUri>() {
        assert!(!uri.allows(&elsewhere), "{uri} {elsewhere}");
    }
}

fn takes_an_answer(uri: &RedirectUri, url: &Url) {
    let text = uri.with_parameters(&ANSWER);
    assert!(text.starts_with(uri.as_str()), "{text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    let answered = Url::parse(&text).unwrap();
    assert_eq!((answered.scheme(), answered.host()), (url.scheme(), url.host()), "{text}");
    assert_eq!(answered.path(), url.path(), "{text}");
    let pairs: Vec<_> = answered.query_pairs().collect();
    let kept = pairs.len() - ANSWER.len();
    assert!(url.query_pairs().eq(pairs[..kept].iter().cloned()), "{text}");
    assert!(
        pairs[kept..]
            .iter()
            .zip(ANSWER)
            .all(|((name, value), sent)| { (name.as_ref(), value.as_ref()) == sent })
    );
}
