//! The metadata of the MCP server, on its own host and through its own proxy: RFC 9728.

use reqwest::Method;
use serde_json::Value;

use super::document;
use crate::doctor::asking::Asker;
use crate::doctor::{Finding, Patient};

const CHECK: &str = "resource";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let resource = &patient.resource;
    let url = resource.metadata_url();
    if !asker.reaches(&url) {
        return vec![];
    }
    let mut findings = at(patient, asker, &url).await;
    findings.extend(document::head(CHECK, &url, asker).await.filter(|_| findings.is_empty()));
    if resource.as_str().ends_with('/') && !resource.path().is_empty() {
        findings.extend(at(patient, asker, &format!("{url}/")).await);
    }
    if !resource.path().is_empty() {
        findings.extend(at_root(patient, asker).await);
    }
    if findings.is_empty() {
        let says = format!("{url} says that the resource is {resource}, byte for byte");
        return vec![Finding::fine(CHECK, says)];
    }
    findings
}

async fn at(patient: &Patient<'_>, asker: &Asker, url: &str) -> Vec<Finding> {
    let answer = document::ask(asker, Method::GET, url).await;
    let document = match document::read(CHECK, url, answer.as_ref()) {
        Ok(document) => document,
        Err(finding) => return vec![finding],
    };
    let mut findings =
        judge(patient.resource.as_str(), patient.config.issuer.as_str(), url, &document);
    if let Ok(answer) = &answer {
        findings.extend(document::common(CHECK, url, (answer, &document)));
    }
    findings
}

/// Where clients look that have found nothing before. There may be another MCP server's, or none.
async fn at_root(patient: &Patient<'_>, asker: &Asker) -> Option<Finding> {
    let url = format!("{}/.well-known/oauth-protected-resource", patient.resource.origin());
    let answer = match document::ask(asker, Method::GET, &url).await {
        Ok(answer) => answer,
        Err(why) => {
            let says = format!("{url} is asked by clients, too, and has no answer: {why}");
            return Some(Finding::wrong(CHECK, says, "pass it to mcp-oauthd, or answer 404"));
        }
    };
    let is_page = answer.status == 200 && answer.json().is_none();
    if is_page || answer.status >= 500 || answer.status == 429 {
        let says = format!("{url} answers {}: clients stop there", answer.in_short());
        return Some(Finding::wrong(CHECK, says, "pass it to mcp-oauthd, or answer 404"));
    }
    None
}

/// What clients compare with the URL that was typed.
pub(super) fn judge(resource: &str, issuer: &str, url: &str, document: &Value) -> Vec<Finding> {
    let mut findings = vec![];
    match document["resource"].as_str() {
        Some(said) if said == resource => {}
        Some(said) => findings.push(Finding::wrong(
            CHECK,
            format!(
                "{url} says that the resource is {said}, and {resource} was typed: {}; Claude.ai, \
                 Claude Code and Gemini CLI compare byte for byte",
                document::difference(said, resource)
            ),
            "type the URL as it is registered, or register it as it is typed: mcp-oauthd resource \
             list, MCP_OAUTH_RESOURCE",
        )),
        None => findings.push(Finding::wrong(
            CHECK,
            format!("{url} names no resource"),
            "pass it to mcp-oauthd, or add the member",
        )),
    }
    match document["authorization_servers"][0].as_str() {
        Some(said) if said == issuer => {}
        Some(said) => findings.push(Finding::wrong(
            CHECK,
            format!(
                "{url} sends clients to {said}, and the issuer is {issuer}: {}",
                document::difference(said, issuer)
            ),
            "put the issuer first in authorization_servers, byte for byte: some frameworks add a \
             slash, unless they are given text in place of a URL",
        )),
        None => findings.push(Finding::wrong(
            CHECK,
            format!("{url} names no authorization server"),
            "add authorization_servers, with the issuer in it",
        )),
    }
    let scopes = document["scopes_supported"].as_array();
    if scopes.is_some_and(|scopes| scopes.iter().any(|scope| scope == "offline_access")) {
        findings.push(Finding::doubtful(
            CHECK,
            format!("{url} lists the scope offline_access, which is no business of the MCP server"),
            "take it out of scopes_supported: refresh tokens are given without it",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(document: &Value) -> Vec<String> {
        let findings = judge("https://h.example/mcp", "https://a.example", "URL", document);
        findings.into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn resource_and_issuer_are_compared_byte_for_byte() {
        let servers = json!(["https://a.example"]);
        let good = json!({ "resource": "https://h.example/mcp", "authorization_servers": servers });
        assert!(said(&good).is_empty());
        for (member, value, word) in [
            ("resource", json!("https://h.example/mcp/"), "a slash at the end"),
            ("resource", json!("http://h.example/mcp"), "http and https"),
            ("resource", json!("https://h.example"), "another address"),
            ("resource", json!(null), "names no resource"),
            ("authorization_servers", json!(["https://a.example/"]), "a slash at the end"),
            (
                "authorization_servers",
                json!(["https://b.example", "https://a.example"]),
                "b.example",
            ),
            ("authorization_servers", json!([]), "no authorization server"),
            ("scopes_supported", json!(["mcp", "offline_access"]), "offline_access"),
        ] {
            let mut document = good.clone();
            document[member] = value;
            let said = said(&document);
            assert_eq!(said.len(), 1, "{member}: {said:?}");
            assert!(said[0].contains(word), "{said:?}");
        }
    }
}
