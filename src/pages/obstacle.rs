//! In place of the question of the consent page, for somebody who may not answer with yes. The client
//! learns of it only when the person goes back (OAuth 2.1 section 7.12.2), and gets no code.

use askama::Template;

use super::Frame;
use super::visit::{Visit, Visitor};
use crate::authorization::consent;
use crate::storage::authorization_requests::PendingRequest;

/// The page.
#[derive(Template)]
#[template(path = "obstacle.html", config = "src/pages/askama.toml")]
pub struct Obstacle {
    /// Around the content.
    pub frame: Frame,
    /// The pending authorization request.
    pub request: String,
    /// Proves that the forms are ours, for this session and this request.
    pub csrf: String,
    /// Why.
    pub why: consent::Obstacle,
    /// The MCP server's URL.
    pub resource: String,
    /// Who is signed in.
    pub username: String,
}

impl Obstacle {
    /// For whoever is signed in.
    #[must_use]
    pub fn new(
        visit: &Visit,
        visitor: &Visitor,
        pending: &PendingRequest,
        why: consent::Obstacle,
    ) -> Self {
        let request = pending.id.to_string();
        Self {
            frame: visit.frame(),
            csrf: visitor.csrf(&request),
            request,
            why,
            resource: pending.asked.resource.to_string(),
            username: visitor.signed_in.user().username.clone(),
        }
    }

    /// Whether another account could answer.
    fn is_about_the_person(&self) -> bool {
        matches!(self.why, consent::Obstacle::NotAdmitted | consent::Obstacle::NothingLeft)
    }
}
