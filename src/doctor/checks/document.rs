//! A document of metadata, as strictly as clients read it.

use reqwest::Method;
use reqwest::header::{HeaderName, ORIGIN};
use serde_json::Value;

use crate::app::fetcher::FetchError;
use crate::doctor::Finding;
use crate::doctor::asking::{Answer, Asker};

/// A web page elsewhere, in which a client runs.
pub(super) const BROWSER: &str = "https://inspector.example";
/// What clients send with every question of discovery.
pub(super) const VERSION: (HeaderName, &str) =
    (HeaderName::from_static("mcp-protocol-version"), "2025-11-25");

/// What is at this URL, as a client asks for it.
pub(super) async fn ask(asker: &Asker, method: Method, url: &str) -> Result<Answer, FetchError> {
    let question = asker.question(method, url).header(VERSION.0, VERSION.1);
    asker.ask(question.header(ORIGIN, BROWSER)).await
}

/// The document, or why there is none.
pub(super) fn read(
    check: &'static str,
    url: &str,
    answer: Result<&Answer, &FetchError>,
) -> Result<Value, Finding> {
    let wrong = |says: String, mend: &str| Finding::wrong(check, says, mend);
    let answer = match answer {
        Ok(answer) => answer,
        Err(FetchError::Slow) => {
            let says = format!("{url} does not answer in time: Claude.ai waits for 10 s");
            return Err(wrong(says, "is the service overloaded, or the proxy's upstream wrong?"));
        }
        Err(why) => {
            let mend = "is the service running, and does the proxy pass /.well-known/ to it?";
            return Err(wrong(format!("{url} cannot be read: {why}"), mend));
        }
    };
    let short = answer.in_short();
    if answer.redirect().is_some() {
        let says = format!("{url} answers {short}: not every client follows");
        return Err(wrong(says, "answer at this address itself, without a redirect"));
    }
    let mend = match answer.status {
        200 if answer.media_type() == "text/html" => {
            "the proxy shows a page at every path: pass /.well-known/oauth-… to mcp-oauthd before it"
        }
        200 => {
            if let Some(document) = answer.json().filter(Value::is_object) {
                return Ok(document);
            }
            "it must be JSON of the type application/json: pass it to mcp-oauthd unchanged"
        }
        401 | 403 => "let /.well-known/ pass without sign-in, gate or bot filter",
        404 => "have the proxy pass /.well-known/oauth-… of this host to mcp-oauthd",
        429 => "lift the proxy's limit for /.well-known/: hosted clients share their addresses",
        502..=504 => "is the service running, where the proxy looks for it?",
        _ => "have the proxy pass it to mcp-oauthd unchanged",
    };
    Err(wrong(format!("{url} answers {short}, and no document"), mend))
}

/// What all documents have to be: no member null, readable by scripts.
pub(super) fn common(
    check: &'static str,
    url: &str,
    (answer, document): (&Answer, &Value),
) -> Vec<Finding> {
    let mut findings = vec![];
    let members = document.as_object().into_iter().flatten();
    let nulls: Vec<_> =
        members.filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str()).collect();
    if !nulls.is_empty() {
        findings.push(Finding::wrong(
            check,
            format!(
                "{url} has members that are null ({}): TypeScript clients refuse it",
                nulls.join(", ")
            ),
            "leave them out; mcp-oauthd never writes one, so something rewrites the document",
        ));
    }
    if !is_open(answer) {
        findings.push(Finding::wrong(
            check,
            format!("{url} may not be read by clients in a browser (MCP Inspector): it has no Access-Control-Allow-Origin"),
            "do not hide that header in the proxy: mcp-oauthd sends it",
        ));
    }
    findings
}

/// HEAD is GET without its body: RFC 9110 section 9.3.2.
pub(super) async fn head(check: &'static str, url: &str, asker: &Asker) -> Option<Finding> {
    let status = match ask(asker, Method::HEAD, url).await {
        Ok(answer) if answer.status == 200 => return None,
        Ok(answer) => answer.status.to_string(),
        Err(why) => why.to_string(),
    };
    let says = format!("{url} answers GET, and to HEAD {status}");
    Some(Finding::doubtful(check, says, "have the proxy pass HEAD as it passes GET"))
}

/// Whether a script of another origin may read it.
pub(super) fn is_open(answer: &Answer) -> bool {
    // Two of them are as good as none.
    let allowed = answer.header("access-control-allow-origin");
    answer.count("access-control-allow-origin") == 1
        && allowed.is_some_and(|allowed| allowed == "*" || allowed == BROWSER)
}

/// Two texts that clients compare byte for byte, and how they differ.
pub(super) fn difference(said: &str, expected: &str) -> &'static str {
    if said == expected {
        return "the same";
    }
    if said.trim_end_matches('/') == expected.trim_end_matches('/') {
        return "a slash at the end makes the difference";
    }
    if said.eq_ignore_ascii_case(expected) {
        return "capital letters make the difference";
    }
    let without = |text: &str| text.split_once("://").map(|(_, rest)| rest.to_owned());
    if without(said) == without(expected) {
        return "http and https make the difference";
    }
    "it is another address"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    const URL: &str = "https://h.example/.well-known/x";

    fn mend(status: u16, media_type: &str, body: &str) -> String {
        let answer = Answer::made(status, &[("content-type", media_type)], body);
        let finding = read("x", URL, Ok(&answer)).unwrap_err();
        assert_eq!(finding.verdict, Verdict::Wrong);
        finding.mend.unwrap()
    }

    #[test]
    fn what_is_no_document_is_told_apart() {
        assert!(mend(200, "text/html", "<html>").contains("a page at every path"));
        assert!(mend(200, "text/plain", "{}").contains("application/json"));
        assert!(mend(200, "application/json", "[]").contains("application/json"));
        assert!(mend(403, "text/html", "no").contains("bot filter"));
        assert!(mend(404, "text/html", "").contains("pass /.well-known/oauth-"));
        assert!(mend(502, "text/html", "").contains("is the service running"));
        let moved = Answer::made(301, &[("location", "https://www.h.example/")], "");
        assert!(
            read("x", URL, Ok(&moved)).unwrap_err().mend.unwrap().contains("without a redirect")
        );
        let slow = read("x", URL, Err(&FetchError::Slow)).unwrap_err();
        assert!(slow.says.contains("waits for 10 s"), "{slow:?}");
    }

    #[test]
    fn nulls_and_closed_doors_are_found() {
        let answer = Answer::made(200, &[("access-control-allow-origin", "*")], "");
        assert!(common("x", URL, (&answer, &serde_json::json!({ "a": 1 }))).is_empty());
        let nulls = common("x", URL, (&answer, &serde_json::json!({ "a": null })));
        assert!(nulls[0].says.contains("null (a)"), "{nulls:?}");
        let twice = [("access-control-allow-origin", "*"), ("access-control-allow-origin", "*")];
        for closed in [&twice[..], &[("access-control-allow-origin", "https://other.example")]] {
            let answer = Answer::made(200, closed, "");
            assert_eq!(common("x", URL, (&answer, &serde_json::json!({}))).len(), 1);
        }
    }

    #[test]
    fn what_differs_is_said() {
        for (said, expected, word) in [
            ("https://h.example", "https://h.example", "same"),
            ("https://h.example/", "https://h.example", "slash"),
            ("https://H.example", "https://h.example", "capital"),
            ("http://h.example", "https://h.example", "http and https"),
            ("https://i.example", "https://h.example", "another"),
        ] {
            assert!(difference(said, expected).contains(word), "{said}");
        }
    }
}
