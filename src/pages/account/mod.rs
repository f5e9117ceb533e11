//! The pages of somebody who is signed in, about himself.

#[cfg(feature = "passkeys")]
pub mod passkeys;
