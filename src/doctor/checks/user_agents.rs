//! What the clients call themselves: bot filters turn hosted ones away by it, and nobody at home
//! ever sees that.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};

use super::challenge::mcp::{self, Ask};
use super::document;
use crate::app::fetcher::FetchError;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};

const CHECK: &str = "user agents";
/// As they were seen in logs; versions change, and filters look at the beginning.
const AGENTS: [&str; 7] = [
    "Claude-User",
    "python-httpx/0.28.1",
    "node",
    "openai-mcp/1.0.0 (ChatGPT)",
    "Cursor/1.7.0 (linux x64)",
    "Go-http-client/2.0",
    "",
];

/// Where they ask.
#[derive(Debug, Clone, Copy)]
enum Place {
    Server,
    Resource,
    Mcp,
    Token,
}

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let urls = [patient.config.issuer.as_str(), patient.resource.as_str()];
    if !urls.iter().any(|url| asker.reaches(url)) {
        return vec![];
    }
    let (server, resource, mcp, token) = tokio::join!(
        at(patient, asker, Place::Server),
        at(patient, asker, Place::Resource),
        at(patient, asker, Place::Mcp),
        at(patient, asker, Place::Token),
    );
    let findings: Vec<_> = [server, resource, mcp, token].into_iter().flatten().collect();
    if findings.is_empty() {
        let names: Vec<_> = AGENTS.iter().filter(|name| !name.is_empty()).copied().collect();
        let says = format!("the answers are the same for {}, and for none", names.join(", "));
        return vec![Finding::fine(CHECK, says)];
    }
    findings
}

async fn at(patient: &Patient<'_>, asker: &Asker, place: Place) -> Option<Finding> {
    if !asker.reaches(&place.url(patient)) {
        return None;
    }
    // That nobody is answered is for another check to say.
    let usual = ask(patient, asker, place, None).await.ok()?;
    let mut others = vec![];
    for agent in AGENTS {
        others.push((agent, ask(patient, asker, place, Some(agent)).await));
    }
    judge(&place.url(patient), &usual, &others)
}

impl Place {
    fn url(self, patient: &Patient<'_>) -> String {
        let issuer = &patient.config.issuer;
        match self {
            Self::Server => issuer.metadata_url(),
            Self::Resource => patient.resource.metadata_url(),
            Self::Mcp => patient.resource.as_str().to_owned(),
            Self::Token => issuer.url("/token"),
        }
    }
}

async fn ask(
    patient: &Patient<'_>,
    asker: &Asker,
    place: Place,
    agent: Option<&str>,
) -> Result<Answer, FetchError> {
    let url = place.url(patient);
    let question = match place {
        Place::Server | Place::Resource => {
            let question = asker.question(Method::GET, &url);
            question.header(document::VERSION.0, document::VERSION.1)
        }
        Place::Mcp => mcp::question(asker, &url, Ask::Initialize, None),
        // What the endpoint refuses without a look into the database.
        Place::Token => {
            let form = "application/x-www-form-urlencoded";
            asker.question(Method::POST, &url).header(CONTENT_TYPE, form).body("grant_type=doctor")
        }
    };
    asker
        .ask(match agent {
            Some(agent) => question.header(USER_AGENT, agent),
            None => question,
        })
        .await
}

type Asked = Result<Answer, FetchError>;

/// One line for each place: who is answered otherwise than we are.
fn judge(url: &str, usual: &Answer, others: &[(&str, Asked)]) -> Option<Finding> {
    let mut refused = vec![];
    let mut first = None;
    for (agent, answer) in others {
        let short = match answer {
            Ok(answer) if answer.status == usual.status => continue,
            Ok(answer) => answer.in_short(),
            Err(why) => why.to_string(),
        };
        refused.push(if agent.is_empty() { "none" } else { agent });
        first.get_or_insert(short);
    }
    let first = first?;
    let says = format!(
        "{url} answers {first} in place of {} if the user agent is {}",
        usual.status,
        refused.join(" or ")
    );
    if refused == ["none"] {
        let mend = "let those pass who do not say what they are: some SDKs do not";
        return Some(Finding::doubtful(CHECK, says, mend));
    }
    Some(Finding::wrong(
        CHECK,
        says,
        "let these paths pass the bot filter (Cloudflare: a WAF rule that skips it for them; \
         Claude.ai comes from 160.79.104.0/21)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn judged(others: &[(&str, u16)]) -> Option<Finding> {
        let usual = Answer::made(401, &[], "");
        let others: Vec<_> = others
            .iter()
            .map(|(agent, status)| (*agent, Ok(Answer::made(*status, &[("server", "waf")], ""))))
            .collect();
        judge("URL", &usual, &others)
    }

    #[test]
    fn whoever_is_answered_otherwise_is_named() {
        assert_eq!(judged(&[("Claude-User", 401), ("", 401)]), None);
        let finding = judged(&[("Claude-User", 403), ("node", 401), ("Cursor", 403)]).unwrap();
        assert_eq!(finding.verdict, Verdict::Wrong);
        assert!(finding.says.contains("403, from waf in place of 401"), "{finding:?}");
        assert!(finding.says.ends_with("Claude-User or Cursor"), "{finding:?}");
        assert!(finding.mend.unwrap().contains("160.79.104.0/21"));
        assert_eq!(judged(&[("node", 401), ("", 403)]).unwrap().verdict, Verdict::Doubtful);
    }

    #[test]
    fn an_answer_that_does_not_come_is_another_one() {
        let usual = Answer::made(401, &[], "");
        let others = [("Claude-User", Err(FetchError::Slow))];
        assert!(judge("URL", &usual, &others).unwrap().says.contains("too slow"));
    }
}
