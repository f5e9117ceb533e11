//! The stories: what people and clients go through.

mod access;
mod account;
mod attempts;
mod attempts_people;
mod behind_proxy;
mod client_documents;
mod connecting;
mod consent;
mod document_fetch;
mod document_fetch_limits;
mod messages;
mod moving_away;
mod moving_in;
mod moving_out;
mod notifications;
mod owner;
mod owner_inside;
mod owner_lists;
mod owner_refusals;
mod owner_resources;
mod owner_scopes;
#[cfg(feature = "passkeys")]
mod passkeys;
mod provider_answers;
mod providers;
mod proxy_header;
mod refresh;
mod replaced_provider;
mod second_factor;
mod secret_rotation;
mod setup;
mod several;
mod sign_in;
mod step_up;
mod sweeping;
