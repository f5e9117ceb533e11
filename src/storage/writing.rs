//! The verb that writes: work on its way to the writer, and its outcome on the way back.

use super::writer::{self, Job, Piece, Urgency};
use super::{DbConnection, Storage, StorageError, defect};

impl Storage {
    /// Runs `work` in the writer's transaction and answers after COMMIT. `Ok` commits, `Err` rolls
    /// back what this piece has written.
    ///
    /// `work` may be run again, so it does nothing outside the database, nothing slow, and opens no
    /// transaction. If the future is dropped before it starts, it never runs: what must happen
    /// although the asker hangs up is for [`Storage::write_to_the_end`].
    ///
    /// # Errors
    /// What `work` answers; [`StorageError::Unavailable`] when the queue stayed full, or the commit
    /// failed; [`StorageError::Corrupt`] once anybody has met damage.
    pub async fn write<T, E>(
        &self,
        work: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let (piece, outcome) = writer::piece(work, Urgency::WhileAwaited);
        self.queue(piece).await?;
        outcome.await.map_err(|_| closed())?
    }

    /// As [`Storage::write`], but `work` runs even if nobody waits for its answer any more.
    ///
    /// # Errors
    /// As there.
    pub async fn write_to_the_end<T, E>(
        &self,
        work: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let (piece, outcome) = writer::piece(work, Urgency::InAnyCase);
        let storage = self.clone();
        let queued = tokio::spawn(async move { storage.queue(piece).await }).await;
        queued.map_err(|_| defect("a write was interrupted"))??;
        outcome.await.map_err(|_| closed())?
    }

    /// Apart from the two above, so that it is compiled once, and not for each piece of work.
    async fn queue(&self, piece: Box<dyn Piece>) -> Result<(), StorageError> {
        self.health().check()?;
        let place = tokio::time::timeout(self.inner.longest_wait, self.inner.queue.reserve())
            .await
            .map_err(|_| StorageError::Unavailable("too many writes are waiting".to_owned()))?
            .map_err(|_| closed())?;
        place.send(Job::Piece(piece));
        Ok(())
    }
}

fn closed() -> StorageError {
    StorageError::Unavailable("the service is stopping".to_owned())
}
