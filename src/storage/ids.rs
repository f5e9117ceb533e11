//! Keys of token rows. They grow with time, so that rows are appended to the end of the tree. Those of
//! the replaced provider are negative. Its tokens' rows stay, as many as there were once: its database
//! may be read again, and what has ended here must not come back.

use std::cell::Cell;

use super::StorageError;
use crate::clock::UnixTime;
use crate::oauth::TokenId;

thread_local! {
    /// Of the writer thread of one [`super::Storage`]: the time of its group, the last id drawn.
    static MILLIS: Cell<i64> = const { Cell::new(0) };
    static LAST: Cell<i64> = const { Cell::new(0) };
}

/// 21 random bits below the milliseconds keep two processes on one file apart.
const RANDOM_BITS: u32 = 21;

/// The writer says what time it is, once for each group.
pub(super) fn set_time(millis: i64) {
    MILLIS.set(millis);
}

/// No id that was drawn is smaller.
pub(super) const FIRST_DRAWN: TokenId = TokenId(0);

/// Runs `insert` with a fresh id, and again if another process has drawn the same.
pub(super) fn insert_fresh<T>(
    mut insert: impl FnMut(TokenId) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    for _ in 0..3 {
        match insert(draw()) {
            Err(StorageError::AlreadyExists) => {}
            outcome => return outcome,
        }
    }
    Err(StorageError::AlreadyExists)
}

fn draw() -> TokenId {
    let random = i64::from(rand::random::<u32>() >> (32 - RANDOM_BITS));
    let id = ((MILLIS.get() << RANDOM_BITS) | random).max(LAST.get() + 1);
    LAST.set(id);
    TokenId(id)
}

/// The smallest id that could have been drawn at this second.
pub(super) fn edge(at: UnixTime) -> TokenId {
    TokenId(at.0.saturating_mul(1000) << RANDOM_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_lie_behind_the_edge_of_their_second() {
        set_time(1_790_000_000_000);
        let drawn: Vec<_> = (0..100).map(|_| draw()).collect();
        assert!(drawn.is_sorted_by(|left, right| left < right));
        assert!(drawn[0] >= edge(UnixTime(1_790_000_000)));
        assert!(drawn[99] < edge(UnixTime(1_790_000_001)));
    }

    #[test]
    fn a_taken_id_is_drawn_again() {
        let mut tries = 0;
        let outcome = insert_fresh(|id| {
            tries += 1;
            if tries < 3 { Err(StorageError::AlreadyExists) } else { Ok(id) }
        });
        assert!(outcome.is_ok() && tries == 3);
    }
}
