//! Who is calling, and how a client becomes known.

pub mod authentication;
pub mod registration;

pub use authentication::{AuthenticatedClient, Presented, Stranger};
