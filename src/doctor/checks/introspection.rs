//! Whether the service is ready, and whether MCP servers can ask it about tokens (RFC 7662).

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::app::fetcher::FetchError;
use crate::config::reachable;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};

const READY: &str = "ready";
const CHECK: &str = "introspection";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let config = patient.config;
    let address = reachable(config.internal_listen.unwrap_or(config.listen));
    let (ready, introspection) = (format!("http://{address}/readyz"), config.introspection_url());
    let form = "application/x-www-form-urlencoded";
    let question = asker.question(Method::POST, &introspection).header(CONTENT_TYPE, form);
    let (is_ready, answer) =
        tokio::join!(asker.get(&ready), asker.ask(question.body("token=doctor")));
    let (is_here, is_internal) = (is_ready.is_ok(), config.internal_listen.is_some());
    let mut findings = vec![judge_ready(&ready, is_ready.as_ref())];
    if asker.reaches(&introspection) {
        findings.push(judge(&introspection, answer.as_ref(), is_here, is_internal));
    }
    findings
}

fn judge_ready(url: &str, answer: Result<&Answer, &FetchError>) -> Finding {
    match answer {
        Ok(answer) if answer.status == 200 => Finding::fine(READY, format!("{url} is ready")),
        Ok(answer) if answer.status == 503 => Finding::wrong(
            READY,
            format!("{url} is not ready: {}", answer.text().trim()),
            "see the log of the service, and the finding about the database",
        ),
        Ok(answer) => Finding::doubtful(
            READY,
            format!("{url} answers {}, and is no service of ours", answer.in_short()),
            "look from where the service runs, with its settings (MCP_OAUTH_LISTEN)",
        ),
        Err(why) => Finding::unknown(
            READY,
            format!("{url} has no answer from here: {why}"),
            "look from where the service runs, with its settings (MCP_OAUTH_LISTEN, \
             MCP_OAUTH_INTERNAL_LISTEN)",
        ),
    }
}

fn judge(
    url: &str,
    answer: Result<&Answer, &FetchError>,
    is_here: bool,
    is_internal: bool,
) -> Finding {
    let error = |answer: &Answer| answer.json().is_some_and(|it| it["error"].is_string());
    match answer {
        Ok(answer) if answer.status == 401 && error(answer) => {
            Finding::fine(CHECK, format!("{url} asks MCP servers who they are"))
        }
        Ok(answer) => Finding::doubtful(
            CHECK,
            format!("{url} answers {} in place of 401", answer.in_short()),
            "have MCP servers that check tokens themselves ask the service directly; those behind \
             the gate need nothing",
        ),
        Err(why) if is_internal && !is_here => Finding::unknown(
            CHECK,
            format!("{url} has no answer from here: {why}"),
            "look from where the MCP server runs",
        ),
        Err(why) => Finding::wrong(
            CHECK,
            format!("{url} has no answer: {why}; MCP servers cannot ask about tokens there"),
            "is the service running, and the address the one that MCP servers were told?",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_service_that_is_not_ready_says_why() {
        let answer = Answer::made(503, &[], "the disk is full\n");
        let finding = judge_ready("URL", Ok(&answer));
        assert_eq!(finding.verdict, Verdict::Wrong);
        assert!(finding.says.ends_with("not ready: the disk is full"), "{finding:?}");
        assert_eq!(judge_ready("URL", Err(&FetchError::Slow)).verdict, Verdict::Unknown);
    }

    #[test]
    fn introspection_asks_who_asks() {
        let json = [("content-type", "application/json")];
        let ours = Answer::made(401, &json, r#"{"error":"invalid_client"}"#);
        assert_eq!(judge("URL", Ok(&ours), true, false).verdict, Verdict::Fine);
        let hidden = Answer::made(404, &[], "");
        assert_eq!(judge("URL", Ok(&hidden), true, false).verdict, Verdict::Doubtful);
        let slow = || Err(&FetchError::Slow);
        assert_eq!(judge("URL", slow(), true, true).verdict, Verdict::Wrong);
        assert_eq!(judge("URL", slow(), false, true).verdict, Verdict::Unknown);
        assert_eq!(judge("URL", slow(), false, false).verdict, Verdict::Wrong);
    }
}
