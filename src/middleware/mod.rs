//! What stands around every handler.

pub mod client_ip;
pub mod issuer;
pub mod outcome;
pub mod rate_limit;
pub mod request_log;
pub mod security_headers;
pub mod sighting;
