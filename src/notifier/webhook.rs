//! A program is told by POST: Standard Webhooks 1.0.0, with the scheme `v1`.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret as _;
use sha2::Sha256;

use super::channel::Problem;
use super::delivery;
use super::message::Message;
use crate::clock::UnixTime;
use crate::config;

/// Where the program listens.
pub struct Webhook {
    client: Client,
    to: config::Webhook,
}

impl Webhook {
    pub(super) fn new(client: Client, to: config::Webhook) -> Self {
        Self { client, to }
    }

    /// The id stays the same when a message is sent again, the time does not: receivers refuse what
    /// is more than some minutes old.
    pub(super) async fn send(&self, message: &Message, now: UnixTime) -> Result<String, Problem> {
        let body = message.to_json();
        let key = self.to.key.expose_secret();
        let request = self
            .client
            .post(self.to.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", now.0)
            .header("webhook-signature", signature(key, &message.id, now, &body));
        delivery::send(request.body(body), now).await
    }
}

/// `v1,` and base64 of HMAC-SHA256 over id, time and body.
#[must_use]
pub fn signature(key: &[u8], id: &str, at: UnixTime, body: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{}.{body}", at.0).as_bytes());
    format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of Standard Webhooks test themselves with.
    #[test]
    fn it_is_signed_as_the_standard_says() {
        let key = BASE64.decode(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = signature(&key, id, UnixTime(1_614_265_330), r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
