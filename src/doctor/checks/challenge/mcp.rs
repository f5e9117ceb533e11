//! What clients say to an MCP server first: the Streamable HTTP transport.

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ORIGIN};

use crate::app::fetcher::FetchError;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::checks::document::{BROWSER, VERSION};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"mcp-oauthd doctor","version":"1"}}}"#;

/// How a client begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor::checks) enum Ask {
    /// By the first message.
    Initialize,
    /// By the stream of what the server has to say.
    Stream,
    /// By a look, as Gemini CLI does.
    Head,
}

impl Ask {
    pub(in crate::doctor::checks) fn method(self) -> Method {
        match self {
            Self::Initialize => Method::POST,
            Self::Stream => Method::GET,
            Self::Head => Method::HEAD,
        }
    }
}

/// Asks so, with what is no token.
pub(in crate::doctor::checks) async fn ask(
    asker: &Asker,
    url: &str,
    ask: Ask,
    no_token: Option<&str>,
) -> Result<Answer, FetchError> {
    asker.ask(question(asker, url, ask, no_token)).await
}

/// The question, for those who change it.
pub(in crate::doctor::checks) fn question(
    asker: &Asker,
    url: &str,
    ask: Ask,
    no_token: Option<&str>,
) -> reqwest::RequestBuilder {
    let question = asker.question(ask.method(), url).header(VERSION.0, VERSION.1);
    let question = question.header(ORIGIN, BROWSER);
    let question = match ask {
        Ask::Initialize => question
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .body(INITIALIZE),
        Ask::Stream | Ask::Head => question.header(ACCEPT, "text/event-stream"),
    };
    match no_token {
        Some(text) => question.header(AUTHORIZATION, format!("Bearer {text}")),
        None => question,
    }
}
