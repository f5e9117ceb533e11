//! What the MCP server says to those who bring no token: 401 and a challenge that leads to its
//! metadata (RFC 6750 section 3, RFC 9728 section 5.1), through whatever stands before it.

pub(super) mod bearer;
pub(super) mod mcp;

use super::{document, protected_resource};
use crate::app::fetcher::FetchError;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};
use bearer::Challenge;
use mcp::Ask;

pub(super) const CHECK: &str = "challenge";
const PASS_IT_ON: &str = "nginx: add_header WWW-Authenticate $challenge always, with auth_request_set \
                          $challenge $upstream_http_www_authenticate; other proxies: do not hide the \
                          header (see: mcp-oauthd resource snippet)";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let url = patient.resource.as_str();
    if !asker.reaches(url) {
        return vec![];
    }
    let (post, get, head) = tokio::join!(
        mcp::ask(asker, url, Ask::Initialize, None),
        mcp::ask(asker, url, Ask::Stream, None),
        mcp::ask(asker, url, Ask::Head, None),
    );
    let mut findings = vec![];
    let post = match judge(Ask::Initialize, url, post.as_ref()) {
        Ok(challenge) => Some(challenge),
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    // What holds for all three is said once.
    for (ask, answer) in [(Ask::Stream, &get), (Ask::Head, &head)] {
        let judged = judge(ask, url, answer.as_ref());
        findings.extend(judged.err().filter(|_| post.is_some()));
    }
    let Some(challenge) = post else { return findings };
    findings.extend(metadata(patient, asker, &challenge).await);
    if challenge.error.is_some() {
        findings.push(Finding::doubtful(
            CHECK,
            format!(
                "{url} names an error to those who brought no token: some take it for a refusal"
            ),
            "say error=… only where a token was sent: RFC 6750 section 3.1",
        ));
    }
    if findings.is_empty() {
        let says =
            format!("{url} answers GET, HEAD and POST without a token by 401 and a challenge");
        return vec![Finding::fine(CHECK, says)];
    }
    findings
}

/// The challenge, or why there is none.
pub(super) fn judge(
    ask: Ask,
    url: &str,
    answer: Result<&Answer, &FetchError>,
) -> Result<Challenge, Finding> {
    let (method, mend) = (ask.method(), "is the MCP server running, and the proxy before it?");
    let answer = answer.map_err(|why| {
        Finding::wrong(CHECK, format!("{method} {url} has no answer: {why}"), mend)
    })?;
    if answer.status == 401 {
        return challenge_of(ask, url, answer);
    }
    let short = answer.in_short();
    let wrong = |says: String, mend: &str| Finding::wrong(CHECK, says, mend);
    let says = format!("{method} {url} without a token answers {short} in place of 401");
    if answer.redirect().is_some() {
        let mend = "let people type the address that it leads to, or answer at this one: clients do \
                    not follow with a token";
        return Err(wrong(says, mend));
    }
    // A message cannot be lost that way, but those who look first learn nothing.
    if answer.status == 405 && ask != Ask::Initialize {
        let who = if ask == Ask::Head { "Gemini CLI" } else { "rmcp (Goose, Codex)" };
        let says = format!("{says}: {who} looks that way first, and finds no challenge");
        return Err(Finding::doubtful(
            CHECK,
            says,
            "ask for a token before the method is looked at",
        ));
    }
    Err(match answer.status {
        200..=299 => wrong(
            format!("{says}: it lets everybody in"),
            "put the gate before it (mcp-oauthd resource snippet), or have it check tokens",
        ),
        403 => wrong(
            format!("{says}: no client signs in after that"),
            "let this URL pass firewalls and bot filters; without a token the answer is 401",
        ),
        404 => wrong(says, "is it the URL at which the MCP server listens, with its path?"),
        503 if answer.text().contains("temporarily_unavailable") => Finding::doubtful(
            CHECK,
            format!("{method} {url} answers 503: it is paused, or nobody can decide"),
            "open it again (mcp-oauthd access resume), or see the log of the service",
        ),
        500.. => wrong(says, mend),
        _ => wrong(says, "ask for a token before anything else is looked at"),
    })
}

fn challenge_of(ask: Ask, url: &str, answer: &Answer) -> Result<Challenge, Finding> {
    let method = ask.method();
    let Some(header) = answer.header("www-authenticate") else {
        let says = format!("{method} {url} answers 401 without WWW-Authenticate");
        return Err(Finding::wrong(CHECK, says, PASS_IT_ON));
    };
    let challenge = Challenge::read(header).ok_or_else(|| {
        let says = format!("{method} {url} challenges with \"{header}\", which no client reads");
        let mend = "begin it with Bearer, and one space: no other sign-in (Basic) before this URL";
        Finding::wrong(CHECK, says, mend)
    })?;
    if challenge.metadata.is_none() {
        return Err(Finding::wrong(
            CHECK,
            format!("{method} {url} challenges without resource_metadata=\"…\""),
            "use the gate, which says it, or add it in the MCP server: RFC 9728 section 5.1",
        ));
    }
    if answer.count("www-authenticate") > 1 {
        return Err(Finding::doubtful(
            CHECK,
            format!(
                "{method} {url} sends WWW-Authenticate more than once: clients read one of them"
            ),
            "send it once: proxy and MCP server each add one",
        ));
    }
    Ok(challenge)
}

/// Whether the challenge leads to the metadata, as the client will follow it.
async fn metadata(patient: &Patient<'_>, asker: &Asker, challenge: &Challenge) -> Vec<Finding> {
    let expected = patient.resource.metadata_url();
    let said = challenge.metadata.as_deref().unwrap_or_default();
    // Looked at by the check of the metadata.
    if said == expected {
        return vec![];
    }
    let encrypted = expected.starts_with("https://");
    if encrypted && !said.starts_with("https://") {
        let says = format!("the challenge leads to {said}, which is not encrypted");
        let mend = "tell the MCP server its public https URL: it guesses by what the proxy says";
        return vec![Finding::wrong(CHECK, says, mend)];
    }
    let answer = document::ask(asker, reqwest::Method::GET, said).await;
    let found = document::read(CHECK, said, answer.as_ref());
    let (resource, issuer) = (patient.resource.as_str(), patient.config.issuer.as_str());
    match found {
        Err(finding) => vec![finding],
        Ok(document) => protected_resource::judge(resource, issuer, said, &document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    const URL: &str = "https://h.example/mcp";
    const GOOD: &str = r#"Bearer resource_metadata="https://h.example/.well-known/x""#;

    fn refused(ask: Ask, status: u16, headers: &[(&'static str, &str)]) -> Finding {
        let answer = Answer::made(status, headers, "");
        judge(ask, URL, Ok(&answer)).unwrap_err()
    }

    #[test]
    fn a_challenge_is_read() {
        let answer = Answer::made(401, &[("www-authenticate", GOOD)], "");
        let challenge = judge(Ask::Initialize, URL, Ok(&answer)).unwrap();
        assert_eq!(challenge.metadata.as_deref(), Some("https://h.example/.well-known/x"));
    }

    #[test]
    fn each_other_answer_has_its_own_mend() {
        for (status, headers, word) in [
            (200, &[][..], "put the gate before it"),
            (302, &[("location", "https://login.example")][..], "do not follow"),
            (403, &[], "bot filters"),
            (404, &[], "at which the MCP server listens"),
            (405, &[], "before anything else"),
            (502, &[], "is the MCP server running"),
            (401, &[], "always"),
            (401, &[("www-authenticate", "Basic realm=\"x\"")], "no other sign-in"),
            (401, &[("www-authenticate", "Bearer realm=\"x\"")], "use the gate"),
            (401, &[("www-authenticate", GOOD), ("www-authenticate", GOOD)], "send it once"),
        ] {
            let finding = refused(Ask::Initialize, status, headers);
            assert!(finding.mend.as_deref().unwrap().contains(word), "{status}: {finding:?}");
        }
    }

    #[test]
    fn a_probe_that_meets_405_is_doubtful() {
        assert_eq!(refused(Ask::Head, 405, &[]).verdict, Verdict::Doubtful);
        assert_eq!(refused(Ask::Stream, 405, &[]).verdict, Verdict::Doubtful);
        assert_eq!(refused(Ask::Initialize, 405, &[]).verdict, Verdict::Wrong);
    }

    #[test]
    fn a_paused_server_is_no_broken_one() {
        let body = r#"{"error":"temporarily_unavailable"}"#;
        let answer = Answer::made(503, &[("content-type", "application/json")], body);
        let finding = judge(Ask::Initialize, URL, Ok(&answer)).unwrap_err();
        assert_eq!(finding.verdict, Verdict::Doubtful);
        assert!(finding.mend.unwrap().contains("access resume"));
    }
}
