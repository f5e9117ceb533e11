//! The endpoints answer by themselves, and nobody before them: with questions that they refuse, so
//! that nothing is registered and nothing issued.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, ORIGIN};

use super::document::{self, BROWSER};
use crate::app::fetcher::FetchError;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};
use crate::oauth::Issuer;

const CHECK: &str = "endpoints";
const FORM: &str = "application/x-www-form-urlencoded";
/// No client can have it: ours are told apart by their beginning.
const NOBODY: &str = "doctor";
const UNCHANGED: &str = "have the proxy pass it to mcp-oauthd unchanged, whatever the method, without \
                         redirect, sign-in or bot filter";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let issuer = &patient.config.issuer;
    if !asker.reaches(issuer.as_str()) {
        return vec![];
    }
    let (registration, token, authorization) = tokio::join!(
        registration(issuer, asker),
        token(issuer, asker),
        authorization(issuer, asker),
    );
    let findings: Vec<_> = [registration, token, authorization].into_iter().flatten().collect();
    if findings.is_empty() {
        let says = "registration, token and authorization endpoint refuse as they should";
        return vec![Finding::fine(CHECK, says)];
    }
    findings
}

/// Where clients register; none where registration is closed, and the metadata says so.
pub(super) async fn registration_endpoint(issuer: &Issuer, asker: &Asker) -> Option<String> {
    let metadata = document::ask(asker, Method::GET, &issuer.metadata_url()).await;
    let document = metadata.ok().and_then(|answer| answer.json())?;
    document["registration_endpoint"].as_str().map(|_| issuer.url("/register"))
}

/// RFC 7591 section 3.2.2.
async fn registration(issuer: &Issuer, asker: &Asker) -> Option<Finding> {
    let url = registration_endpoint(issuer, asker).await?;
    let question = asker.question(Method::POST, &url).header(CONTENT_TYPE, "application/json");
    let question = question.header(ORIGIN, BROWSER).body(r#"{"redirect_uris":[]}"#);
    judge(&url, asker.ask(question).await.as_ref(), &[400, 401])
}

/// RFC 6749 section 5.2.
async fn token(issuer: &Issuer, asker: &Asker) -> Option<Finding> {
    let url = issuer.url("/token");
    let body = format!("grant_type=refresh_token&refresh_token={NOBODY}&client_id={NOBODY}");
    let question = asker.question(Method::POST, &url).header(CONTENT_TYPE, FORM);
    let answer = asker.ask(question.header(ORIGIN, BROWSER).body(body)).await;
    judge(&url, answer.as_ref(), &[401])
}

/// The answer of the endpoint itself: an error in the standard's words, which nobody keeps.
fn judge(url: &str, answer: Result<&Answer, &FetchError>, expected: &[u16]) -> Option<Finding> {
    let wrong = |says: String, mend: &str| Some(Finding::wrong(CHECK, says, mend));
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return wrong(format!("POST {url} has no answer: {why}"), UNCHANGED),
    };
    let short = answer.in_short();
    if answer.redirect().is_some() {
        let says =
            format!("POST {url} answers {short}: clients do not follow, or lose what they sent");
        return wrong(says, UNCHANGED);
    }
    if answer.status == 429 {
        let says = format!("POST {url} answers {short}: too many have asked");
        return Some(Finding::doubtful(CHECK, says, "look again in a while"));
    }
    let error = answer.json().and_then(|document| document["error"].as_str().map(str::to_owned));
    if error.is_none() || !expected.contains(&answer.status) {
        let says = format!("POST {url} answers {short}, and not in the words of OAuth");
        return wrong(says, UNCHANGED);
    }
    if !answer.listed("cache-control").iter().any(|it| it == "no-store") {
        let says = format!("the answers of {url} may be kept by caches: no-store is missing");
        return wrong(says, "do not change Cache-Control in the proxy");
    }
    None
}

/// FastMCP looks at this before a browser does, and registers again after 400 only.
async fn authorization(issuer: &Issuer, asker: &Asker) -> Option<Finding> {
    let url = issuer.url("/authorize");
    let question = asker.question(Method::GET, &url);
    let question = question.query(&[("response_type", "code"), ("client_id", NOBODY)]);
    match asker.ask(question).await {
        Ok(answer) if answer.status == 400 => None,
        Ok(answer) => {
            let short = answer.in_short();
            let says = format!("GET {url} answers {short} to an unknown client, in place of 400");
            Some(Finding::wrong(CHECK, says, UNCHANGED))
        }
        Err(why) => {
            Some(Finding::wrong(CHECK, format!("GET {url} has no answer: {why}"), UNCHANGED))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn only_the_endpoint_itself_refuses_like_this() {
        const JSON: (&str, &str) = ("content-type", "application/json");
        const NO_STORE: (&str, &str) = ("cache-control", "no-store");
        let error = r#"{"error":"invalid_client"}"#;
        let verdict = |status, headers: &[(&'static str, &str)], body: &str| {
            let answer = Answer::made(status, headers, body);
            judge("URL", Ok(&answer), &[401]).map(|finding| finding.verdict)
        };
        assert_eq!(verdict(401, &[JSON, NO_STORE], error), None);
        assert_eq!(verdict(401, &[JSON], error), Some(Verdict::Wrong));
        assert_eq!(verdict(400, &[JSON, NO_STORE], error), Some(Verdict::Wrong));
        assert_eq!(verdict(401, &[NO_STORE], "<html>"), Some(Verdict::Wrong));
        assert_eq!(verdict(307, &[("location", "/x")], ""), Some(Verdict::Wrong));
        assert_eq!(verdict(403, &[("content-type", "text/html")], "<html>"), Some(Verdict::Wrong));
        assert_eq!(verdict(429, &[JSON], error), Some(Verdict::Doubtful));
        assert_eq!(
            judge("URL", Err(&FetchError::Slow), &[401]).map(|it| it.verdict),
            Some(Verdict::Wrong)
        );
    }
}
