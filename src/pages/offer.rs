//! What somebody scans, opens or types to set up an authenticator app.

use super::qr::Qr;
use crate::accounts::totp::Secret;
use crate::oauth::Issuer;

/// A secret, three times over.
pub struct Offer {
    /// The link, as a picture.
    pub qr: Option<Qr>,
    /// `otpauth:`
    pub link: String,
    /// For whoever has to type it.
    pub key: String,
    /// Whether the code that was typed is not one of it.
    pub is_wrong: bool,
}

impl Offer {
    /// To this person.
    #[must_use]
    pub fn of(secret: &Secret, issuer: &Issuer, username: &str, is_wrong: bool) -> Self {
        let link = secret.link(issuer, username);
        Self { qr: Qr::of(&link), link, key: secret.in_groups(), is_wrong }
    }
}
