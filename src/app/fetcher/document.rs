//! Clients' documents: one fetch for all who wait for it, and one answer for whatever went wrong.
//! Client ID Metadata Document draft -01, sections 6.5 and 6.6.
//!
//! A stranger says which address is asked, so that how we fail must not tell what is there. Every
//! failure is [`Unpublished::Refused`], and comes [`ANSWER_AFTER`] the beginning, whether a name
//! does not exist, an address is forbidden, a port is closed or a host says nothing at all. A
//! document that is there is handed out at once; whoever then finds that it is none waits as well,
//! by [`Published::unusable`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::guarded::{self, DOCUMENT_DEADLINE, DocumentError};
use super::usable;
use crate::clock::Seconds;
use crate::config::{Certificates, ClientDocuments};
use crate::oauth::ClientIdUrl;

/// When a failure is told. After the deadline, so that what was too slow is no exception.
const ANSWER_AFTER: Duration = DOCUMENT_DEADLINE.saturating_add(Duration::from_millis(200));
/// The most connections at once. Each can make us keep half a megabyte: the largest head that is
/// read, and what TLS needs.
const MOST_AT_ONCE: usize = 32;
/// The most addresses that are being asked for, with those whose failure is not told yet.
const MOST_UNDER_WAY: usize = 1024;
/// When whoever found no place may come back.
const A_PLACE_IS_FREE: Seconds = Seconds(6);

/// What was found at the address, whatever it is: nobody has looked into it.
#[derive(Debug, Clone)]
pub struct Published {
    /// At most 5 KiB.
    pub body: Vec<u8>,
    /// For how long it says that it is good. No bounds have been applied.
    pub fresh_for: Option<Seconds>,
    /// When the fetch began.
    pub begun: Instant,
}

impl Published {
    /// For a document that turned out to be none. It takes until a document that is not there
    /// would have been refused.
    pub async fn unusable(self) -> Unpublished {
        sleep_until(self.begun + ANSWER_AFTER).await;
        Unpublished::Refused
    }
}

/// Why there is no document, as far as anybody outside may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpublished {
    /// It cannot be had. More is in the log only.
    #[error("the client's document cannot be had")]
    Refused,
    /// Nobody was asked: too many documents have been fetched. After this time it can be tried.
    #[error("too many clients' documents have been asked for")]
    Busy(Seconds),
}

type Answer = Result<Published, Unpublished>;

/// What is being fetched.
pub(super) struct Documents {
    mode: ClientDocuments,
    certificates: Certificates,
    client: OnceLock<Result<Client, String>>,
    places: Arc<Semaphore>,
    under_way: Mutex<HashMap<ClientIdUrl, watch::Receiver<Option<Answer>>>>,
}

impl Documents {
    /// Private authorities are believed in development only: whoever has one uses it inside, and
    /// strangers have no business there.
    pub(super) fn new(mode: ClientDocuments, certificates: &Certificates) -> Self {
        let development = mode == ClientDocuments::Development;
        Self {
            mode,
            certificates: if development { certificates.clone() } else { Certificates::default() },
            client: OnceLock::new(),
            places: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            under_way: Mutex::default(),
        }
    }

    /// The document, from a fetch that is under way, or from one that begins if `admit` allows it.
    /// Whoever stops waiting stops nobody else's.
    pub(super) async fn ask(
        self: &Arc<Self>,
        url: &ClientIdUrl,
        admit: impl FnOnce() -> Result<(), Seconds>,
    ) -> Answer {
        let mut answer = self.join_or_begin(url, admit)?;
        let Ok(answered) = answer.wait_for(Option::is_some).await else {
            // The service is stopping.
            return Err(Unpublished::Refused);
        };
        answered.clone().unwrap_or(Err(Unpublished::Refused))
    }

    /// One fetch for nobody else, which says at once what is wrong.
    pub(super) async fn fetch(&self, url: &ClientIdUrl) -> Result<Published, DocumentError> {
        if self.mode == ClientDocuments::Off {
            return Err(DocumentError::Off);
        }
        let made = self.client.get_or_init(|| {
            guarded::client(self.mode, &self.certificates)
                .inspect_err(|problem| warn!(problem, "no clients' documents can be fetched"))
        });
        guarded::fetch(usable(made)?, url, self.mode, Instant::now()).await
    }

    fn join_or_begin(
        self: &Arc<Self>,
        url: &ClientIdUrl,
        admit: impl FnOnce() -> Result<(), Seconds>,
    ) -> Result<watch::Receiver<Option<Answer>>, Unpublished> {
        let mut under_way = self.under_way();
        if let Some(answer) = under_way.get(url) {
            return Ok(answer.clone());
        }
        if under_way.len() >= MOST_UNDER_WAY {
            return Err(Unpublished::Busy(A_PLACE_IS_FREE));
        }
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Unpublished::Busy(A_PLACE_IS_FREE))?;
        admit().map_err(Unpublished::Busy)?;
        let (tell, answer) = watch::channel(None);
        under_way.insert(url.clone(), answer.clone());
        // A runtime that is stopping drops what it is given, and an entry that is dropped locks.
        drop(under_way);
        let entry = Entry { documents: self.clone(), url: url.clone() };
        tokio::spawn(entry.fetch_for_all(place, tell));
        Ok(answer)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<ClientIdUrl, watch::Receiver<Option<Answer>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address that is being asked for. It leaves the list whatever happens.
struct Entry {
    documents: Arc<Documents>,
    url: ClientIdUrl,
}

impl Entry {
    async fn fetch_for_all(self, place: OwnedSemaphorePermit, tell: watch::Sender<Option<Answer>>) {
        let begun = Instant::now();
        let fetched = self.documents.fetch(&self.url).await;
        // Whoever only waits keeps nobody from connecting.
        drop(place);
        let answer = match fetched {
            Ok(published) => Ok(published),
            Err(problem) => {
                info!(client.id = %self.url, %problem, "a client's document cannot be had");
                sleep_until(begun + ANSWER_AFTER).await;
                Err(Unpublished::Refused)
            }
        };
        // Before it is told: who hears of a failure can try again, and gets another fetch.
        drop(self);
        tell.send_replace(Some(answer));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.documents.under_way().remove(&self.url);
    }
}
