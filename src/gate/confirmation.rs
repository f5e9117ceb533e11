//! The first time an access token is seen at work, its client has the pair: the refresh token of
//! that pair is confirmed, and the one before it can no longer be retried.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::UnixTime;
use crate::oauth::TokenId;
use crate::storage::access_tokens::Described;
use crate::storage::{Storage, StorageError, refresh_tokens};

/// The most confirmations under way. One that finds no place is sent at the next introspection.
const MOST: usize = 1024;

/// Confirmations under way, so that each is sent once. A lost one is sent again, because its row
/// still says so; until then a retry is answered, which errs towards the honest client.
#[derive(Clone, Default)]
pub struct Confirmations {
    under_way: Arc<Mutex<HashSet<TokenId>>>,
}

impl Confirmations {
    /// Sends a confirmation to the writer, without waiting for it.
    pub fn send(&self, described: &Described, storage: &Storage, now: UnixTime) {
        let Some(generation) = described.token.generation.filter(|_| !described.confirmed) else {
            return;
        };
        {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            if under_way.len() >= MOST || !under_way.insert(generation) {
                return;
            }
        }
        let (confirmations, storage) = (self.clone(), storage.clone());
        tokio::spawn(async move {
            let confirm = move |conn: &mut _| refresh_tokens::confirm(conn, generation, now);
            let _sent_again: Result<(), StorageError> = storage.write(confirm).await;
            let mut under_way =
                confirmations.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            under_way.remove(&generation);
        });
    }
}
