//! A telephone is told through an ntfy server: <https://docs.ntfy.sh/publish/#publish-as-json>.

use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::channel::Problem;
use super::delivery;
use super::message::Message;
use crate::clock::UnixTime;
use crate::config;

/// A topic of a server.
pub struct Ntfy {
    client: Client,
    to: config::Ntfy,
}

impl Ntfy {
    pub(super) fn new(client: Client, to: config::Ntfy) -> Self {
        Self { client, to }
    }

    pub(super) async fn send(&self, message: &Message, now: UnixTime) -> Result<String, Problem> {
        // As JSON, because headers take ASCII only.
        let request = self.client.post(self.to.url.clone()).json(&json!({
            "topic": self.to.topic,
            "title": message.title,
            "message": message.text,
            "priority": message.urgency.of_ntfy(),
            "tags": [message.tag],
            "click": message.url,
        }));
        let request = match &self.to.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        delivery::send(request, now).await
    }
}
