//! Each endpoint: each parameter, each error.

mod answers;
mod authorization;
mod client_authentication;
mod gate;
mod health;
mod introspection;
mod metadata;
mod registration;
mod revocation;
mod token;
