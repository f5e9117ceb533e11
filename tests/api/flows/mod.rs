//! The stories: what people and clients go through.

mod consent;
mod refresh;
mod replaced_provider;
mod setup;
mod sign_in;
mod sweeping;
