//! Who waits for the writer, and who is waited for.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{Job, Piece};

/// The most pieces in one transaction.
const GROUP: usize = 128;

/// How often somebody is looked for who is expected.
const MOMENT: Duration = Duration::from_micros(50);
const LONGEST_PATIENCE: Duration = Duration::from_millis(1);

/// The queue, as the writer sees it.
pub(super) struct Waiting {
    queue: mpsc::Receiver<Job>,
    /// Came while a group was under way that it cannot join.
    held: Option<Job>,
    /// So many pieces the next group will probably have.
    expected: usize,
    /// So long it may lie idle for those who are missing.
    patience: Duration,
}

impl Waiting {
    pub(super) fn new(queue: mpsc::Receiver<Job>) -> Self {
        Self { queue, held: None, expected: 0, patience: Duration::ZERO }
    }

    /// The next job. None once nobody can ask any more.
    pub(super) fn next(&mut self) -> Option<Job> {
        self.held.take().or_else(|| self.queue.blocking_recv())
    }

    /// Who is there to join a group of this size, and still waits for an answer. Every group looks, so that
    /// nobody has to do so again for whoever asks meanwhile.
    pub(super) fn come(&mut self, size: usize) -> Option<Box<dyn Piece>> {
        while size < GROUP && self.held.is_none() {
            match self.queue.try_recv().ok()? {
                Job::Look => {}
                Job::Piece(piece) if piece.is_abandoned() => {}
                Job::Piece(piece) => return Some(piece),
                other => self.held = Some(other),
            }
        }
        None
    }

    /// As [`Waiting::come`]; or who comes soon of those who were answered just now. Else those who come back
    /// at once would find the commit under way: two halves that take turns, each of which waits for the
    /// other's disk.
    pub(super) fn come_back(&mut self, size: usize) -> Option<Box<dyn Piece>> {
        loop {
            let piece = self.come(size);
            let is_full = size >= self.expected.min(GROUP) || self.held.is_some();
            if piece.is_some() || is_full || self.patience < MOMENT {
                return piece;
            }
            self.wait();
        }
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        thread::sleep(MOMENT);
        self.patience = self.patience.saturating_sub(begun.elapsed());
    }

    /// So many are answered next, whose commit took so long. They are worth a part of such a commit, which
    /// is nothing where the disk is fast. Whoever writes alone is not waited for.
    pub(super) fn expect_again(&mut self, answered: usize, commit: Duration) {
        self.expected = answered + self.queue.len();
        self.patience = (commit / 4).min(LONGEST_PATIENCE);
    }
}
