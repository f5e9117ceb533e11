//! Recovery codes: for whoever has lost the second factor. Each works once, and is shown once; the
//! database has their hashes.

use data_encoding::BASE32_NOPAD;

use crate::clock::UnixTime;
use crate::oauth::{TokenHash, UserId};
use crate::storage::events::{Event, Subject, record};
use crate::storage::{DbConnection, StorageError, recovery_codes};

/// How many there are.
const COUNT: usize = 10;
/// Letters of one code, of five bits each: 150 bits, which need no slow hash.
const LETTERS: usize = 30;
/// How many letters stand together.
const GROUP: usize = 5;

/// Ten new codes, for the person's eyes.
pub struct RecoveryCodes(Vec<String>);

impl RecoveryCodes {
    /// Hands them to the person. The only way out.
    #[must_use]
    pub fn reveal(self) -> Vec<String> {
        self.0
    }
}

/// Gives a person new codes, in the place of all that there were.
///
/// # Errors
/// The database's.
pub fn replace(conn: &mut DbConnection, user_id: &UserId) -> Result<RecoveryCodes, StorageError> {
    let codes: Vec<String> = (0..COUNT).map(|_| generate()).collect();
    let hashes: Vec<TokenHash> = codes.iter().filter_map(|code| hash(code)).collect();
    recovery_codes::replace(conn, user_id, &hashes)?;
    Ok(RecoveryCodes(codes))
}

/// Uses a code up. False if there is none like it, or it was used before.
///
/// # Errors
/// The database's.
pub fn accept(
    conn: &mut DbConnection,
    user_id: &UserId,
    typed: &str,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let Some(hash) = hash(typed) else { return Ok(false) };
    let accepted = recovery_codes::consume(conn, user_id, &hash, now)?;
    if accepted {
        record(conn, Event::RecoveryCodeUsed, Subject::user(user_id), now)?;
    }
    Ok(accepted)
}

fn generate() -> String {
    let bytes: [u8; 19] = rand::random();
    let letters = BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
    let groups = letters.as_bytes()[..LETTERS].chunks(GROUP).map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join("-")
}

/// However it was typed: with or without its lines, and with the digits that look like letters. None
/// for what cannot be a code.
fn hash(typed: &str) -> Option<TokenHash> {
    let letters = typed.chars().filter(char::is_ascii_alphanumeric).map(|letter| match letter {
        '0' => 'o',
        '1' => 'l',
        '8' => 'b',
        letter => letter.to_ascii_lowercase(),
    });
    let letters: String = letters.collect();
    (letters.len() == LETTERS).then(|| TokenHash::of(&letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_groups_and_is_known_however_it_is_typed() {
        let code = generate();
        assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [5; 6], "{code}");
        assert_ne!(code, generate());
        let typed = code.to_uppercase().replace('-', " ").replace('O', "0").replace('L', "1");
        assert_eq!(hash(&typed), hash(&code));
        assert!(hash(&code).is_some() && hash(&code[1..]).is_none() && hash("").is_none());
    }
}
