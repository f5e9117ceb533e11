//! The other places where clients look for metadata. Nothing has to be there, but whatever answers
//! must let them go on: an error of the server stops them, and a page is taken for a document.

use reqwest::Method;

use super::document;
use crate::app::fetcher::FetchError;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};
use crate::oauth::{Issuer, ResourceUri};

const CHECK: &str = "variants";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let (issuer, resource) = (&patient.config.issuer, &patient.resource);
    let mut places = places(issuer, resource);
    places.retain(|url| asker.reaches(url));
    let mut findings = vec![];
    for url in &places {
        let answer = document::ask(asker, Method::GET, url).await;
        findings.extend(judge(issuer, url, answer.as_ref()));
        // Nobody waits for each of a dozen.
        if matches!(answer, Err(FetchError::Slow)) {
            break;
        }
    }
    if findings.is_empty() && !places.is_empty() {
        let says = format!(
            "the {} other places where clients look answer 4xx, or with a document",
            places.len()
        );
        return vec![Finding::fine(CHECK, says)];
    }
    findings
}

/// MCP 2025-11-25 "Authorization server metadata discovery", its forerunner of 2025-03-26, which asks
/// the MCP server's own host, and `/.well-known/` appended, as rmcp asks.
fn places(issuer: &Issuer, resource: &ResourceUri) -> Vec<String> {
    const SERVER: &str = "/.well-known/oauth-authorization-server";
    const OPENID: &str = "/.well-known/openid-configuration";
    let (origin, path) = (issuer.origin(), issuer.path());
    let mut places = vec![format!("{origin}{SERVER}{path}/"), format!("{origin}{OPENID}{path}")];
    if !path.is_empty() {
        for name in [SERVER, OPENID] {
            places.push(format!("{origin}{path}{name}"));
            places.push(format!("{origin}{name}"));
        }
    }
    let (origin, path) = (resource.origin(), resource.path());
    for name in [SERVER, OPENID] {
        places.push(format!("{origin}{name}"));
        if !path.is_empty() {
            places.push(format!("{origin}{name}{path}"));
            places.push(format!("{origin}{path}{name}"));
        }
    }
    let main = issuer.metadata_url();
    let mut seen = vec![];
    places.retain(|place| {
        let new = *place != main && !seen.contains(place);
        seen.push(place.clone());
        new
    });
    places
}

fn judge(issuer: &Issuer, url: &str, answer: Result<&Answer, &FetchError>) -> Option<Finding> {
    let wrong = |says: String, mend: &str| Some(Finding::wrong(CHECK, says, mend));
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            let says = format!("{url} is asked by clients, too, and has no answer: {why}");
            return wrong(says, "answer 404 there");
        }
    };
    let short = answer.in_short();
    if answer.redirect().is_some() {
        let says = format!("{url} answers {short}: some clients follow, and some give up");
        return Some(Finding::doubtful(CHECK, says, "answer 404 there"));
    }
    match answer.status {
        200 => judge_document(issuer, url, answer),
        408 | 425 | 429 | 500.. => wrong(
            format!("{url} answers {short}: clients stop there instead of going on"),
            "answer 404 there, also when nothing is behind it",
        ),
        _ => None,
    }
}

fn judge_document(issuer: &Issuer, url: &str, answer: &Answer) -> Option<Finding> {
    let Some(document) = answer.json() else {
        return Some(Finding::wrong(
            CHECK,
            format!("{url} answers {}: clients take it for a document", answer.in_short()),
            "the proxy shows a page at every path: answer 404 below /.well-known/ before it",
        ));
    };
    // Another authorization server may live at the root of the host, or at that of the MCP server.
    let ours = url.contains(issuer.path()) && url.starts_with(issuer.origin());
    let said = document["issuer"].as_str().unwrap_or("nobody");
    if said == issuer.as_str() || !ours {
        return None;
    }
    Some(Finding::wrong(
        CHECK,
        format!("{url} is a document of the issuer {said}, not of {issuer}"),
        "answer 404 there, or the document of this issuer",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn every_place_that_a_client_tries_is_asked_once() {
        let at = |issuer: &str, resource: &str| {
            places(&issuer.parse().unwrap(), &resource.parse().unwrap())
        };
        assert_eq!(
            at("https://h.example", "https://h.example"),
            [
                "https://h.example/.well-known/oauth-authorization-server/",
                "https://h.example/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            at("https://h.example/as", "https://m.example/mcp"),
            [
                "https://h.example/.well-known/oauth-authorization-server/as/",
                "https://h.example/.well-known/openid-configuration/as",
                "https://h.example/as/.well-known/oauth-authorization-server",
                "https://h.example/.well-known/oauth-authorization-server",
                "https://h.example/as/.well-known/openid-configuration",
                "https://h.example/.well-known/openid-configuration",
                "https://m.example/.well-known/oauth-authorization-server",
                "https://m.example/.well-known/oauth-authorization-server/mcp",
                "https://m.example/mcp/.well-known/oauth-authorization-server",
                "https://m.example/.well-known/openid-configuration",
                "https://m.example/.well-known/openid-configuration/mcp",
                "https://m.example/mcp/.well-known/openid-configuration",
            ]
        );
    }

    #[test]
    fn what_stops_a_client_is_wrong_and_what_lets_it_go_on_is_not() {
        let issuer = "https://h.example/as".parse().unwrap();
        let verdict = |url: &str, status, media_type: &str, body: &str| {
            let answer = Answer::made(status, &[("content-type", media_type)], body);
            judge(&issuer, url, Ok(&answer)).map(|finding| finding.verdict)
        };
        let url = "https://h.example/as/.well-known/openid-configuration";
        let ours = r#"{"issuer":"https://h.example/as"}"#;
        let other = r#"{"issuer":"https://h.example"}"#;
        for status in [400, 401, 403, 404, 405] {
            assert_eq!(verdict(url, status, "text/html", "<html>"), None);
        }
        for status in [429, 500, 502, 503] {
            assert_eq!(verdict(url, status, "text/html", "<html>"), Some(Verdict::Wrong));
        }
        assert_eq!(verdict(url, 200, "text/html", "<html>"), Some(Verdict::Wrong));
        assert_eq!(verdict(url, 200, "application/json", ours), None);
        assert_eq!(verdict(url, 200, "application/json", other), Some(Verdict::Wrong));
        let root = "https://h.example/.well-known/openid-configuration";
        assert_eq!(verdict(root, 200, "application/json", other), None);
        assert_eq!(verdict(url, 302, "text/html", ""), Some(Verdict::Doubtful));
    }
}
