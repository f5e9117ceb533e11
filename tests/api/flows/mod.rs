//! The stories: what people and clients go through.

mod account;
mod behind_proxy;
mod consent;
mod owner;
mod owner_inside;
mod owner_lists;
mod owner_refusals;
mod owner_resources;
mod refresh;
mod replaced_provider;
mod second_factor;
mod secret_rotation;
mod setup;
mod several;
mod sign_in;
mod sweeping;
