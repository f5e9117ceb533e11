//! Passkeys on the pages (Web Authentication). A page has a form with a button; the script asks for
//! the options of the ceremony, lets the browser ask the person, and sends the answer with the form.
//! So what follows is a page, as after any form, and the script follows no address.

#[cfg(feature = "passkeys")]
mod ceremony;
#[cfg(feature = "passkeys")]
pub mod new_second_factor;
#[cfg(feature = "passkeys")]
pub mod second_factor;
#[cfg(feature = "passkeys")]
pub mod sign_in;

#[cfg(feature = "passkeys")]
pub(super) use ceremony::{begin, checked, cookie, party, refused};

use actix_web::web;

use super::assets;
use super::side::Side;
use super::visit::Visit;
use crate::accounts::passkeys;

/// What a form with such a button needs.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Path of the script.
    pub script: String,
    /// Proves that the form is ours.
    pub csrf: String,
    /// Why the last attempt did not succeed.
    pub problem: Option<String>,
}

impl Offer {
    /// None where passkeys are not offered.
    #[must_use]
    pub fn of(visit: &Visit, csrf: String) -> Option<Self> {
        let script = || visit.here(assets::PASSKEY_SCRIPT.path());
        // Made for the issuer's host, a passkey is good at no other.
        let offered = visit.side != Side::Internal
            && passkeys::are_offered(&visit.app.config, visit.issuer());
        offered.then(|| Self { script: script(), csrf, problem: None })
    }
}

/// The pages of passkeys, below the issuer's path.
#[cfg(feature = "passkeys")]
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    use super::account::passkeys as own;
    use super::{action, form};
    use actix_web::web::post;

    routes
        .service(form("/sign-in/passkey", sign_in::get, post().to(sign_in::post)))
        .service(action("/sign-in/passkey/options", post().to(sign_in::options)))
        .service(form(
            "/sign-in/second-factor/passkey",
            second_factor::get,
            post().to(second_factor::post),
        ))
        .service(action(
            "/sign-in/second-factor/passkey/options",
            post().to(second_factor::options),
        ))
        .service(form(
            "/sign-in/new-second-factor/passkey",
            new_second_factor::get,
            post().to(new_second_factor::post),
        ))
        .service(action(
            "/sign-in/new-second-factor/passkey/options",
            post().to(new_second_factor::options),
        ))
        .service(form("/account/passkeys", own::get, post().to(own::add)))
        .service(action("/account/passkeys/options", post().to(own::options)))
        .service(form("/account/passkeys/rename", own::back, post().to(own::rename)))
        .service(form("/account/passkeys/remove", own::back, post().to(own::remove)))
        .service(form("/account/passkeys/required", own::back, post().to(own::set_required)));
}

/// Without the feature there are none.
#[cfg(not(feature = "passkeys"))]
pub(super) fn configure(_: &mut web::ServiceConfig) {}
