//! The metadata of the authorization server: RFC 8414, and what clients make of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::document;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};
use crate::oauth::Issuer;

const CHECK: &str = "metadata";
/// Half of what Claude.ai waits for it.
const SLOW: Duration = Duration::from_secs(5);
const ENDPOINTS: [&str; 4] =
    ["authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"];

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let issuer = &patient.config.issuer;
    let url = issuer.metadata_url();
    if !asker.reaches(&url) {
        return vec![];
    }
    let answer = document::ask(asker, Method::GET, &url).await;
    let document = match document::read(CHECK, &url, answer.as_ref()) {
        Ok(document) => document,
        Err(finding) => return vec![finding],
    };
    let mut findings = vec![];
    if let Ok(answer) = &answer {
        findings.extend(document::common(CHECK, &url, (answer, &document)));
        findings.extend(slow(&url, answer));
    }
    findings.extend(judge(issuer, &document));
    findings.extend(document::head(CHECK, &url, asker).await);
    if findings.is_empty() {
        let says = format!("{url} says that the issuer is {issuer}, byte for byte");
        return vec![Finding::fine(CHECK, says)];
    }
    findings
}

fn slow(url: &str, answer: &Answer) -> Option<Finding> {
    let says = format!("{url} takes {} s: Claude.ai waits for 10 s", answer.took.as_secs());
    let mend = "is the service overloaded, or far from its proxy?";
    (answer.took >= SLOW).then(|| Finding::doubtful(CHECK, says, mend))
}

/// Everything that a client would stumble over.
fn judge(issuer: &Issuer, document: &Value) -> Vec<Finding> {
    let unchanged = "pass the document on unchanged, from the service that has these settings";
    let wrong = |says: String| Finding::wrong(CHECK, says, unchanged);
    let mut findings = vec![];
    match document["issuer"].as_str() {
        Some(said) if said == issuer.as_str() => {}
        Some(said) => findings.push(Finding::wrong(
            CHECK,
            format!(
                "the issuer is said to be {said}, and clients expect {issuer}: {}",
                document::difference(said, issuer.as_str())
            ),
            "set MCP_OAUTH_ISSUER to the same, byte for byte, in the service and here",
        )),
        None => findings.push(wrong("the document names no issuer".to_owned())),
    }
    for endpoint in ENDPOINTS {
        findings.extend(judge_endpoint(issuer, endpoint, &document[endpoint]).map(wrong));
    }
    for (member, value) in [
        ("response_types_supported", "code"),
        ("code_challenge_methods_supported", "S256"),
        ("token_endpoint_auth_methods_supported", "none"),
    ] {
        let listed =
            document[member].as_array().is_some_and(|all| all.iter().any(|it| it == value));
        if !listed {
            findings.push(wrong(format!("{member} does not list {value}, which clients ask for")));
        }
    }
    if document["authorization_response_iss_parameter_supported"] != true {
        let says = "authorization_response_iss_parameter_supported is not true: ChatGPT would take \
                    another client id, and Gemini CLI refuse the answer";
        findings.push(wrong(says.to_owned()));
    }
    findings
}

/// Registration and revocation may be left out; nothing may lead to another host.
fn judge_endpoint(issuer: &Issuer, name: &str, value: &Value) -> Option<String> {
    let Some(text) = value.as_str() else {
        let needed = matches!(name, "authorization_endpoint" | "token_endpoint");
        return needed.then(|| format!("{name} is missing"));
    };
    match Url::parse(text) {
        Err(_) => Some(format!("{name} is {text}, and not an absolute URL")),
        Ok(url) if url.origin().ascii_serialization() != issuer.origin() => {
            Some(format!("{name} is {text}, which is not at {}", issuer.origin()))
        }
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "issuer": "https://h.example",
            "authorization_endpoint": "https://h.example/authorize",
            "token_endpoint": "https://h.example/token",
            "registration_endpoint": "https://h.example/register",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn said(member: &str, value: Value) -> Vec<String> {
        let mut document = good();
        document[member] = value;
        let issuer = "https://h.example".parse().unwrap();
        judge(&issuer, &document).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn each_lie_of_a_document_is_found_alone() {
        assert!(said("x", json!(1)).is_empty());
        for (member, value, word) in [
            ("issuer", json!("https://h.example/"), "a slash at the end"),
            ("issuer", json!(null), "names no issuer"),
            ("token_endpoint", json!("/token"), "not an absolute URL"),
            ("token_endpoint", json!("http://h.example/token"), "not at https://h.example"),
            ("authorization_endpoint", json!(null), "is missing"),
            ("registration_endpoint", json!("https://other.example/register"), "not at"),
            ("code_challenge_methods_supported", json!(["plain"]), "S256"),
            ("token_endpoint_auth_methods_supported", json!(["client_secret_basic"]), "none"),
            ("response_types_supported", json!(null), "code"),
            ("authorization_response_iss_parameter_supported", json!("true"), "ChatGPT"),
        ] {
            let said = said(member, value);
            assert_eq!(said.len(), 1, "{member}: {said:?}");
            assert!(said[0].contains(word), "{member}: {said:?}");
        }
    }

    #[test]
    fn a_document_without_registration_is_one_of_a_closed_service() {
        let mut document = good();
        document.as_object_mut().unwrap().remove("registration_endpoint");
        assert!(judge(&"https://h.example".parse().unwrap(), &document).is_empty());
    }
}
