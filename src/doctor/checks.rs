//! What is looked at when no client in particular is asked about.

use super::{Finding, Patient};
use crate::app::fetcher::Fetcher;

/// Everything, in the order in which a client would meet it.
pub async fn all(patient: &Patient<'_>, fetcher: &Fetcher) -> Vec<Finding> {
    vec![metadata(patient, fetcher).await]
}

/// RFC 8414 section 3.3: the issuer is the same, byte for byte.
async fn metadata(patient: &Patient<'_>, fetcher: &Fetcher) -> Finding {
    const CHECK: &str = "metadata";
    let issuer = patient.config.issuer.as_str();
    let unreachable = |why: String| {
        let mend = "is the service running, and does the proxy pass /.well-known/ to it?";
        Finding::wrong(CHECK, format!("the metadata of {issuer} cannot be read: {why}"), mend)
    };
    let url = match patient.metadata_url() {
        Ok(url) => url,
        Err(error) => return unreachable(error.to_string()),
    };
    let client = match fetcher.client_for(&url) {
        Ok(client) => client,
        Err(error) => return unreachable(error.to_string()),
    };
    let answer = match fetcher.fetch(client.get(url.clone())).await {
        Ok(answer) => answer,
        Err(error) => return unreachable(error.to_string()),
    };
    let document: Option<serde_json::Value> = answer.json();
    match document.as_ref().and_then(|document| document["issuer"].as_str()) {
        Some(said) if answer.status == 200 && said == issuer => {
            Finding::fine(CHECK, format!("{url} says that the issuer is {issuer}"))
        }
        Some(said) if answer.status == 200 => Finding::wrong(
            CHECK,
            format!("{url} says that the issuer is {said}, and clients expect {issuer}"),
            "set MCP_OAUTH_ISSUER to the same in the service and here",
        ),
        _ => unreachable(format!("{url} answers {}", answer.status)),
    }
}
