//! Clients in a browser, such as MCP Inspector: the preflight (Fetch standard, "CORS-preflight
//! fetch"), and what their script may read of the answer.

use reqwest::Method;
use reqwest::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};

use super::challenge::mcp::{self, Ask};
use super::document::{BROWSER, is_open};
use super::endpoints;
use crate::app::fetcher::FetchError;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};

const CHECK: &str = "preflight";
const TO_THE_MCP_SERVER: &str = "authorization, content-type, last-event-id, mcp-method, mcp-name, \
                                 mcp-protocol-version, mcp-session-id";
const TO_AN_ENDPOINT: &str = "authorization, content-type, mcp-protocol-version";
const OF_METADATA: &str = "mcp-protocol-version";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let (issuer, resource) = (&patient.config.issuer, &patient.resource);
    let (mut findings, mut any) = (vec![], false);
    let registration = endpoints::registration_endpoint(issuer, asker).await;
    let questions = [
        (resource.as_str().to_owned(), "POST", TO_THE_MCP_SERVER),
        (resource.metadata_url(), "GET", OF_METADATA),
        (issuer.metadata_url(), "GET", OF_METADATA),
        (issuer.url("/token"), "POST", TO_AN_ENDPOINT),
    ];
    let registration = registration.map(|url| (url, "POST", TO_AN_ENDPOINT));
    for (url, method, headers) in questions.into_iter().chain(registration) {
        if !asker.reaches(&url) {
            continue;
        }
        any = true;
        let question = asker.question(Method::OPTIONS, &url).header(ORIGIN, BROWSER);
        let question = question.header(ACCESS_CONTROL_REQUEST_METHOD, method);
        let question = question.header(ACCESS_CONTROL_REQUEST_HEADERS, headers);
        let answer = asker.ask(question).await;
        findings.extend(judge(&url, (method, headers), answer.as_ref()));
    }
    if let Ok(answer) = mcp::ask(asker, resource.as_str(), Ask::Initialize, None).await {
        findings.extend(judge_challenge(resource.as_str(), &answer));
    }
    if findings.is_empty() && any {
        let says = "clients in a browser may ask, before they have a token and after";
        return vec![Finding::fine(CHECK, says)];
    }
    findings
}

fn judge(
    url: &str,
    (method, headers): (&str, &str),
    answer: Result<&Answer, &FetchError>,
) -> Option<Finding> {
    let mend = "answer OPTIONS by 204 with Access-Control-Allow-…, before anybody asks for a token \
                (mcp-oauthd resource snippet)";
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            return Some(Finding::wrong(
                CHECK,
                format!("OPTIONS {url} has no answer: {why}"),
                mend,
            ));
        }
    };
    if !answer.is_success() || !is_open(answer) {
        let without = if answer.is_success() { " without Access-Control-Allow-Origin" } else { "" };
        let says = format!(
            "OPTIONS {url} answers {}{without}: clients in a browser (MCP Inspector) cannot connect",
            answer.in_short()
        );
        return Some(Finding::wrong(CHECK, says, mend));
    }
    let allowed = answer.listed("access-control-allow-headers");
    // A star means every header but this one.
    let is_allowed = |header: &&str| {
        allowed.iter().any(|it| it == header || (it == "*" && *header != "authorization"))
    };
    let refused: Vec<_> = headers.split(", ").filter(|header| !is_allowed(header)).collect();
    let methods = answer.listed("access-control-allow-methods");
    let may = matches!(method, "GET" | "HEAD" | "POST")
        || methods.iter().any(|it| it == "*" || it.eq_ignore_ascii_case(method));
    if refused.is_empty() && may {
        return None;
    }
    Some(Finding::doubtful(
        CHECK,
        format!("OPTIONS {url} does not allow: {}", refused.join(", ")),
        "list them in Access-Control-Allow-Headers: * does not stand for authorization",
    ))
}

/// Without this the script sees a 401, and not where to sign in.
fn judge_challenge(url: &str, answer: &Answer) -> Option<Finding> {
    if answer.status != 401 {
        return None;
    }
    if !is_open(answer) {
        return Some(Finding::wrong(
            CHECK,
            format!("the 401 of {url} may not be read by clients in a browser (MCP Inspector)"),
            "send Access-Control-Allow-Origin once, with refusals too (nginx: add_header … always)",
        ));
    }
    let exposed = answer.listed("access-control-expose-headers");
    let hidden: Vec<_> = ["WWW-Authenticate", "Mcp-Session-Id"]
        .into_iter()
        .filter(|name| !exposed.iter().any(|it| it == "*" || it.eq_ignore_ascii_case(name)))
        .collect();
    let says = format!("the 401 of {url} hides from scripts: {}", hidden.join(", "));
    let mend = "send Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id";
    (!hidden.is_empty()).then(|| Finding::doubtful(CHECK, says, mend))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    const STAR: (&str, &str) = ("access-control-allow-origin", "*");

    fn verdict(status: u16, headers: &[(&'static str, &str)]) -> Option<Verdict> {
        let answer = Answer::made(status, headers, "");
        judge("URL", ("POST", TO_THE_MCP_SERVER), Ok(&answer)).map(|finding| finding.verdict)
    }

    #[test]
    fn a_preflight_is_answered_before_anybody_asks_for_a_token() {
        let all = ("access-control-allow-headers", TO_THE_MCP_SERVER);
        let star = ("access-control-allow-headers", "*");
        assert_eq!(verdict(204, &[STAR, all]), None);
        assert_eq!(
            verdict(200, &[STAR, ("access-control-allow-headers", "Authorization, *")]),
            None
        );
        assert_eq!(verdict(204, &[STAR, star]), Some(Verdict::Doubtful));
        assert_eq!(verdict(204, &[STAR]), Some(Verdict::Doubtful));
        assert_eq!(verdict(204, &[all]), Some(Verdict::Wrong));
        assert_eq!(verdict(401, &[STAR, all]), Some(Verdict::Wrong));
        assert_eq!(verdict(405, &[]), Some(Verdict::Wrong));
    }

    #[test]
    fn a_challenge_that_scripts_cannot_read_is_found() {
        let judged = |headers: &[(&'static str, &str)]| {
            judge_challenge("URL", &Answer::made(401, headers, "")).map(|finding| finding.verdict)
        };
        let names = ("access-control-expose-headers", "www-authenticate, MCP-Session-Id");
        assert_eq!(judged(&[STAR, names]), None);
        assert_eq!(judged(&[STAR, ("access-control-expose-headers", "*")]), None);
        assert_eq!(judged(&[STAR]), Some(Verdict::Doubtful));
        assert_eq!(judged(&[names]), Some(Verdict::Wrong));
    }
}
