//! Whether the `Authorization` header reaches whoever checks tokens: a proxy that eats it makes every
//! sign-in succeed and every call after it fail.

use super::challenge::bearer::Challenge;
use super::challenge::mcp::{self, Ask};
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};

const CHECK: &str = "token header";
const NO_TOKEN: &str = "no-token-but-a-question-of-the-doctor";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let url = patient.resource.as_str();
    if !asker.reaches(url) {
        return vec![];
    }
    match mcp::ask(asker, url, Ask::Initialize, Some(NO_TOKEN)).await {
        Ok(answer) => vec![judge(url, &answer)],
        Err(why) => {
            let says = format!("{url} has no answer to a wrong token: {why}");
            vec![Finding::wrong(CHECK, says, "is the MCP server running, and the proxy before it?")]
        }
    }
}

fn judge(url: &str, answer: &Answer) -> Finding {
    let short = answer.in_short();
    if answer.status == 503 && answer.text().contains("temporarily_unavailable") {
        let says = format!("{url} is paused: whether tokens reach it cannot be seen");
        return Finding::unknown(
            CHECK,
            says,
            "look again when it is open (mcp-oauthd access resume)",
        );
    }
    if answer.is_success() {
        return Finding::wrong(
            CHECK,
            format!("{url} answers {short} to a wrong token: it lets everybody in"),
            "put the gate before it (mcp-oauthd resource snippet), or have it check tokens",
        );
    }
    if answer.status != 401 {
        return Finding::wrong(
            CHECK,
            format!("{url} answers {short} to a wrong token: clients renew theirs after 401 only"),
            "answer 401 and error=\"invalid_token\": RFC 6750 section 3.1",
        );
    }
    let challenge = answer.header("www-authenticate").and_then(Challenge::read);
    match challenge.and_then(|challenge| challenge.error) {
        Some(error) if error == "invalid_token" => {
            Finding::fine(CHECK, format!("{url} answers 401 and invalid_token to a wrong token"))
        }
        Some(error) => Finding::doubtful(
            CHECK,
            format!("{url} says {error} of a wrong token"),
            "say error=\"invalid_token\": RFC 6750 section 3.1",
        ),
        None => Finding::doubtful(
            CHECK,
            format!(
                "{url} says the same with a wrong token as with none: the Authorization header may \
                 not arrive there"
            ),
            "do not remove Authorization in the proxy (nginx: proxy_set_header Authorization \
             $http_authorization; Apache: CGIPassAuth On)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_wrong_token_is_told_from_none() {
        for (status, header, verdict, word) in [
            (401, r#"Bearer error="invalid_token""#, Verdict::Fine, "invalid_token"),
            (401, r#"Bearer error="invalid_request""#, Verdict::Doubtful, "invalid_request"),
            (401, r#"Bearer resource_metadata="x""#, Verdict::Doubtful, "may not arrive"),
            (200, "", Verdict::Wrong, "lets everybody in"),
            (400, "", Verdict::Wrong, "after 401 only"),
            (403, r#"Bearer error="invalid_token""#, Verdict::Wrong, "after 401 only"),
        ] {
            let answer = Answer::made(status, &[("www-authenticate", header)], "");
            let finding = judge("URL", &answer);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.says.contains(word), "{finding:?}");
        }
    }
}
