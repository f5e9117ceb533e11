//! Clients as they are, with their habits: each is replayed against the running service, and what
//! would stop it is said. The facts are in one small file each, the engine around them in the rest.
//!
//! [`replay`] leads from the MCP server's URL over [`challenge`], [`discovery`], [`registration`] and
//! [`authorization`] to the sign-in page; with a person, over [`callback`] and [`tokens`] to the end,
//! where [`farewell`] takes everything back. [`wire`] sends, [`shape`] reads.

pub mod authorization;
pub mod callback;
pub mod challenge;
pub mod clients;
pub mod discovery;
pub mod farewell;
pub mod profile;
pub mod registration;
pub mod replay;
pub mod shape;
pub mod tokens;
pub mod wire;

pub use clients::ALL;
pub use profile::Profile;
pub use replay::{Person, play};

/// The client of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Profile> {
    const EVERY: &[Profile] = &ALL;
    EVERY.iter().find(|profile| profile.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_a_name_of_its_own_and_a_source() {
        let mut names: Vec<_> = ALL.iter().map(|profile| profile.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for profile in &ALL {
            assert!(
                !profile.source.is_empty() && !profile.habits.contains('|'),
                "{}",
                profile.name
            );
            let ways = profile.registration;
            assert!(ways.dynamic.is_some() || !ways.documents.is_empty(), "{}", profile.name);
            assert!(named(profile.name).is_some());
        }
        assert!(named("netscape").is_none());
    }
}
