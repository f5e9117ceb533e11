//! Who asks, where the answer goes, and for what: the page on which a person decides
//! (OAuth 2.1 section 7.10; MCP, security best practices, "consent").

use std::ops::RangeInclusive;

use askama::Template;

use super::Frame;
use crate::oauth::Destination;

/// Enough for every honest name, and the decision stays in sight.
const LONGEST_NAME: usize = 80;

/// Zero-width and bidirectional format characters.
const INVISIBLE: [RangeInclusive<char>; 6] = [
    '\u{61c}'..='\u{61c}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{e0000}'..='\u{e007f}',
];

/// The page. What the client wrote itself stands only in text, isolated, never in an attribute.
#[derive(Template)]
#[template(path = "consent.html", config = "src/pages/askama.toml")]
pub struct Consent {
    /// Around the content.
    pub frame: Frame,
    /// The pending authorization request.
    pub request: String,
    /// Proves that the form is ours, for this session and this request.
    pub csrf: String,
    /// The name that the client gives itself.
    pub client_name: String,
    /// How we know the client.
    pub client_origin: ClientOrigin,
    /// Where the answer goes.
    pub destination: Destination,
    /// What the operator calls the MCP server.
    pub resource_name: Option<String>,
    /// The MCP server's URL.
    pub resource: String,
    /// What is asked for.
    pub scopes: Vec<ScopeLine>,
    /// Who is signed in.
    pub username: String,
}

/// How we know a client, which is how far its name can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOrigin {
    /// By anonymous registration: RFC 7591.
    Registered,
    /// By a document that this host publishes.
    MetadataDocument {
        /// The host of the `client_id`.
        host: String,
    },
    /// The operator added it.
    Configured,
}

impl Consent {
    /// Without what would make other text of it on the screen than it is: controls, and the marks
    /// that turn the direction of writing around (Unicode TR 36 section 2.5).
    fn shown_name(&self) -> String {
        let harmless =
            |c: &char| !c.is_control() && !INVISIBLE.iter().any(|range| range.contains(c));
        self.client_name.chars().filter(harmless).take(LONGEST_NAME).collect()
    }

    fn origin_words(&self) -> String {
        match &self.client_origin {
            ClientOrigin::Registered => {
                "This app registered itself. Nobody has verified its name.".to_owned()
            }
            ClientOrigin::MetadataDocument { host } => {
                format!("This app is described at {host}. Only that address is verified.")
            }
            ClientOrigin::Configured => {
                "This app was added by the operator of this server.".to_owned()
            }
        }
    }
}

/// One scope, in words.
pub struct ScopeLine(pub String);

impl ScopeLine {
    fn words(&self) -> &'static str {
        match self.0.as_str() {
            "mcp" => "Use it in your name: call its tools, and read what it offers",
            "offline_access" => "Stay connected while you are away",
            _ => "The permission that this MCP server calls",
        }
    }

    fn is_foreign(&self) -> bool {
        !matches!(self.0.as_str(), "mcp" | "offline_access")
    }
}
