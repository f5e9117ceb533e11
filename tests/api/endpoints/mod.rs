//! Each endpoint: each parameter, each error.

mod authorization;
mod health;
mod introspection;
mod metadata;
mod registration;
mod revocation;
mod token;
