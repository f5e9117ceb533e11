//! How what is known here comes from elsewhere, and goes there.

pub mod archive;
pub mod issuer;
pub mod replaced_provider;
