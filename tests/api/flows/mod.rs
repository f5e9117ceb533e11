//! The stories: what people and clients go through.

mod access;
mod behind_proxy;
mod consent;
mod refresh;
mod replaced_provider;
mod secret_rotation;
mod setup;
mod several;
mod sign_in;
mod sweeping;
