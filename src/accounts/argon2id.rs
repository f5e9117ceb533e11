//! argon2id (RFC 9106), in memory that is used again. To take 19 MiB for each password and give them back
//! leaves them with the thread that took them: a flood of sign-ins would cost many times what it takes.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;
use rand::TryRng as _;
use rand::rngs::SysRng;

/// What has been used, and is free now: as much as was ever used at once.
#[derive(Default)]
pub(super) struct Memory(Mutex<Vec<Vec<Block>>>);

impl Memory {
    /// Hashes a password. None if there is no randomness or no memory.
    pub(super) fn hash(&self, password: &[u8]) -> Option<String> {
        let (mut salt, mut output) = ([0; 16], [0; Params::DEFAULT_OUTPUT_LEN]);
        SysRng.try_fill_bytes(&mut salt).ok()?;
        self.fill(&Argon2::default(), password, &salt, &mut output)?;
        Some(phc(&salt, &output))
    }

    /// Whether it is the password of this hash, a PHC string. What is no such hash is nobody's.
    pub(super) fn verify(&self, password: &[u8], stored: &str) -> bool {
        self.compare(password, stored).unwrap_or(false)
    }

    fn compare(&self, password: &[u8], stored: &str) -> Option<bool> {
        let stored = PasswordHash::new(stored).ok()?;
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
        let version = Version::try_from(stored.version?).ok()?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&stored).ok()?);
        let (salt, expected) = (stored.salt?, stored.hash?);
        let mut output = vec![0; expected.len()];
        self.fill(&argon2, password, salt.as_ref(), &mut output)?;
        // In constant time.
        Some(Output::new(&output).ok()? == expected)
    }

    fn fill(
        &self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Option<()> {
        let mut blocks = self.free().pop().unwrap_or_default();
        let count = argon2.params().block_count();
        if blocks.len() < count {
            blocks.resize(count, Block::new());
        }
        let place = &mut blocks[..count];
        let done = argon2.hash_password_into_with_memory(password, salt, output, place);
        self.free().push(blocks);
        done.ok()
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What no password is known to have: its bits are drawn. To hash a password for it would be most of
/// what a start takes, and it takes as long to compare with this one as with anybody's. None if there
/// is no randomness.
pub(super) fn nobodys() -> Option<String> {
    let (mut salt, mut output) = ([0; 16], [0; Params::DEFAULT_OUTPUT_LEN]);
    for drawn in [&mut salt[..], &mut output[..]] {
        SysRng.try_fill_bytes(drawn).ok()?;
    }
    Some(phc(&salt, &output))
}

fn phc(salt: &[u8], output: &[u8]) -> String {
    let (salt, output) = (BASE64_NOPAD.encode(salt), BASE64_NOPAD.encode(output));
    let (algorithm, version) = (Algorithm::default(), u32::from(Version::default()));
    let (m, t, p) = (Params::DEFAULT_M_COST, Params::DEFAULT_T_COST, Params::DEFAULT_P_COST);
    format!("${algorithm}$v={version}$m={m},t={t},p={p}${salt}${output}")
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    #[test]
    fn memory_that_was_used_before_changes_no_hash() {
        let memory = Memory::default();
        let first = memory.hash(b"correct horse").unwrap();
        let other = Argon2::default().hash_password(b"another one").unwrap().to_string();
        for (password, stored, matches) in [
            (&b"correct horse"[..], &first, true),
            (b"correct hors", &first, false),
            (b"another one", &other, true),
            (b"correct horse", &other, false),
        ] {
            assert_eq!(memory.verify(password, stored), matches, "{stored}");
        }
        assert!(Argon2::default().verify_password(b"correct horse", first.as_str()).is_ok());
        assert_eq!(memory.free().len(), 1);
    }

    #[test]
    fn a_hash_of_other_costs_is_verified_with_its_own() {
        let memory = Memory::default();
        for (m_cost, t_cost) in [(64, 1), (8192, 3), (128, 2)] {
            let params = Params::new(m_cost, t_cost, 1, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let stored = argon2.hash_password(b"correct horse").unwrap().to_string();
            assert!(memory.verify(b"correct horse", &stored), "{stored}");
            assert!(!memory.verify(b"correct horsf", &stored), "{stored}");
        }
        for stored in ["no hash", "", "$argon2id$", &nobodys().unwrap()] {
            assert!(!memory.verify(b"x", stored), "{stored}");
        }
    }
}
