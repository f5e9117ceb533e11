//! The tools of the tests: a server, a client, a browser.

mod browser;
mod document_host;
mod oauth_client;
mod provider;
mod receiver;
mod server;

pub use browser::{Browser, Page, page};
pub use document_host::{DocumentHost, Sends, answer, json};
pub use oauth_client::{Answer, OAuthClient, VERIFIER, challenge};
pub use provider::{TestProvider, choose, sign_in_at};
pub use receiver::{Mailbox, Receiver, Reply};
pub use server::{INTROSPECTION, OTHER_RESOURCE, PASSWORD, RESOURCE, TestServer, USER};
