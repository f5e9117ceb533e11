//! The rules of OAuth on a temporary database, without HTTP: one test for each refusal and promise.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod access;
mod attempts;
mod authorization_code;
mod authorization_code_replay;
mod authorization_request;
mod client_documents;
mod connecting;
mod consent;
mod declared;
mod ended_access;
mod fixture;
mod form;
mod half_done;
mod identities;
mod issuer_move;
mod limits;
mod own_account;
#[cfg(feature = "passkeys")]
mod passkey_ceremony;
#[cfg(feature = "passkeys")]
mod passkeys;
mod people;
mod places;
mod refresh_bounds;
mod refresh_replay;
mod refresh_retry;
mod refresh_rotation;
mod registration;
mod registration_alike;
mod registration_management;
mod registration_room;
mod registration_tokens;
mod revocation;
mod sessions;
mod setup;
mod stays_ended;
mod step_up;
mod tokens;
