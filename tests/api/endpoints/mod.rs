//! Each endpoint: each parameter, each error.

mod answers;
mod authorization;
mod client_authentication;
mod gate;
mod health;
mod introspection;
mod metadata;
mod registration;
mod registration_again;
mod registration_alike;
mod registration_management;
mod registration_tokens;
mod revocation;
mod token;
