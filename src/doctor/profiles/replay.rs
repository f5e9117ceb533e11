//! One connection of one client, from the MCP server's URL to the last token, step by step. What
//! would stop the client stops the replay.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::discovery::{self, Found};
use super::profile::{Profile, State};
use super::registration::{self, Client};
use super::wire::Wire;
use super::{authorization, callback, farewell, tokens};
use crate::app::fetcher::Fetcher;
use crate::doctor::Finding;
use crate::oauth::ResourceUri;

/// Shows somebody the authorization URL, and gives back the address to which the browser was sent.
/// The error is for people.
pub type Person<'a> = &'a dyn Fn(&Url) -> Result<String, String>;

/// What is being replayed, and what has been found.
pub struct Replay<'a> {
    /// The client.
    pub profile: &'a Profile,
    /// What carries its requests.
    pub wire: Wire<'a>,
    /// The MCP server, as it was typed.
    pub typed: &'a str,
    /// The same, parsed.
    pub url: Url,
    /// The loopback port on which it says that it listens.
    pub port: u16,
    /// The connection's own part of redirect URIs and documents.
    pub id: String,
    /// So far.
    pub findings: Vec<Finding>,
}

/// Plays a client up to the sign-in page; through it, if there is a person.
///
/// # Errors
/// When the URL is none.
pub async fn play(
    profile: &Profile,
    resource: &ResourceUri,
    fetcher: &Fetcher,
    person: Option<Person<'_>>,
) -> Result<Vec<Finding>, url::ParseError> {
    let mut replay = Replay {
        profile,
        wire: Wire::new(fetcher, profile),
        typed: resource.as_str(),
        url: Url::parse(resource.as_str())?,
        port: 49152 + rand::random::<u16>() % 16384,
        id: connection_id(resource.as_str()),
        findings: vec![],
    };
    if let Err(last) = replay.run(person).await {
        replay.findings.push(last);
    }
    Ok(replay.findings)
}

impl Replay<'_> {
    async fn run(&mut self, person: Option<Person<'_>>) -> Result<(), Finding> {
        let found = discovery::discover(self).await?;
        let client = registration::register(self, &found).await?;
        let ended = self.connect(&found, &client, person).await;
        farewell::unregister(self, &client).await;
        ended
    }

    async fn connect(
        &mut self,
        found: &Found,
        client: &Client,
        person: Option<Person<'_>>,
    ) -> Result<(), Finding> {
        let asked = authorization::request(self, found, client)?;
        authorization::reach_sign_in(self, found, &asked).await?;
        authorization::other_builds(self, found, client).await;
        let Some(person) = person else { return Ok(()) };
        let said = person(&asked.url).map_err(|why| {
            Finding::unknown("callback", why, "run it again, and paste the whole address")
        })?;
        let code = callback::read(self, found, &asked, &said)?;
        tokens::use_code(self, found, client, (&asked, &code)).await
    }

    /// Something that is as the client wants it.
    pub fn fine(&mut self, check: &'static str, says: impl Into<String>) {
        self.findings.push(Finding::fine(check, says));
    }

    /// Something that the client gets along with, but not well.
    pub fn doubtful(
        &mut self,
        check: &'static str,
        says: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.findings.push(Finding::doubtful(check, says, mend));
    }

    /// A redirect URI or document with its placeholders filled in.
    #[must_use]
    pub fn fill(&self, template: &str) -> String {
        template.replace("{port}", &self.port.to_string()).replace("{id}", &self.id)
    }
}

/// openai/codex: base64url of the first nine bytes of SHA-256 of the server's URL.
fn connection_id(server: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(server)[..9])
}

/// 32 bytes that nobody guesses, for `state` and the PKCE verifier.
#[must_use]
pub fn unguessable() -> String {
    BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>())
}

/// `state` as this kind of client makes it.
#[must_use]
pub fn new_state(kind: State) -> String {
    match kind {
        State::Plain => unguessable(),
        // Whatever the random bytes are, the three characters that get lost on the way are there.
        State::Base64 => format!("+/{}", BASE64.encode(&rand::random::<[u8; 16]>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_base64_has_what_gets_lost_on_the_way() {
        for _ in 0..20 {
            let state = new_state(State::Base64);
            assert!(['+', '/', '='].into_iter().all(|lost| state.contains(lost)), "{state}");
        }
    }

    #[test]
    fn a_connection_has_the_id_that_codex_gives_it() {
        let id = connection_id("https://mcp.example.com/mcp");
        assert_eq!(id.len(), 12);
        assert_eq!(id, connection_id("https://mcp.example.com/mcp"));
        assert_ne!(id, connection_id("https://mcp.example.com/mcp/"));
    }
}
