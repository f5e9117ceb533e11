//! One transaction for everybody who waits.
//!
//! Nobody is answered before COMMIT has returned. What a piece found out is as uncertain as what
//! it wrote until then, so refusals wait too.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;

use super::{Piece, Waiting};
use crate::storage::connection::{self, DbConnection, Fixed, directly};
use crate::storage::files::{Files, Place};
use crate::storage::neighbours::{Neighbours, be_seen};
use crate::storage::{GivenUp, Health, StorageError};

/// On what a transaction works.
pub(super) struct Group<'a> {
    conn: &'a mut DbConnection,
    neighbours: &'a mut Neighbours,
    health: &'a Health,
    /// None in memory.
    files: Option<&'a Files>,
    /// How long the last COMMIT took.
    took: Duration,
}

/// Why a group was not committed.
enum Failure {
    /// BEGIN or COMMIT failed: so did every piece.
    Refused(StorageError),
    /// SQLite itself ended the transaction (disk full, I/O error) under one of the pieces.
    Ended(StorageError),
}

impl<'a> Group<'a> {
    pub(super) fn new(
        conn: &'a mut DbConnection,
        neighbours: &'a mut Neighbours,
        health: &'a Health,
        files: Option<&'a Files>,
    ) -> Self {
        Self { conn, neighbours, health, files, took: Duration::ZERO }
    }

    /// This process begins to serve.
    pub(super) fn serve(&mut self, waiting: &mut Waiting) {
        self.neighbours.serve();
        self.commit(vec![], waiting);
    }

    /// No more work.
    pub(super) fn close(&mut self) {
        // Whoever closes a file folds its log into it, and deletes what has that log's name.
        let _given_up = self.look_for_the_file(Files::place);
    }

    /// Looks what others have done, does these pieces and those that join them, and answers them.
    pub(super) fn commit(&mut self, mut pieces: Vec<Box<dyn Piece>>, waiting: &mut Waiting) {
        while let Some(piece) = waiting.come(pieces.len()) {
            pieces.push(piece);
        }
        let outcome = self.attempt(&mut pieces, Some(waiting));
        if pieces.is_empty() {
            // What is wrong is said at the next write, and until then nothing is remembered.
            return;
        }
        waiting.expect_again(pieces.len(), self.took);
        match outcome {
            // One piece has cost the others their transaction.
            Err(Failure::Ended(_)) if pieces.len() > 1 => self.commit_each(pieces),
            outcome => self.answer(pieces, &outcome.map_err(Failure::into_error)),
        }
    }

    /// Each gets a transaction of its own, for as long as there are any to be had.
    fn commit_each(&mut self, pieces: Vec<Box<dyn Piece>>) {
        let mut pieces = pieces.into_iter();
        while let Some(piece) = pieces.next() {
            let mut alone = vec![piece];
            let outcome = self.attempt(&mut alone, None);
            if matches!(outcome, Err(Failure::Refused(_))) {
                alone.extend(pieces.by_ref());
            }
            self.answer(alone, &outcome.map_err(Failure::into_error));
        }
    }

    fn answer(&mut self, pieces: Vec<Box<dyn Piece>>, outcome: &Result<(), StorageError>) {
        self.health.wrote(outcome);
        match outcome {
            Ok(()) => {}
            Err(StorageError::Corrupt(why)) => self.health.damage(why),
            Err(_) => self.shorten_log(),
        }
        for piece in pieces {
            piece.answer(outcome.clone());
        }
    }

    /// One transaction, of these pieces and of those that join them.
    fn attempt(
        &mut self,
        pieces: &mut Vec<Box<dyn Piece>>,
        joining: Option<&mut Waiting>,
    ) -> Result<(), Failure> {
        self.check()?;
        self.look_for_the_file(Files::place)?;
        // IMMEDIATE: a deferred transaction that turns to writing fails, whatever the busy timeout.
        let conn = &mut *self.conn;
        let begun = directly!(conn => Fixed("BEGIN IMMEDIATE").execute(conn));
        begun.map_err(|error| Failure::Refused(error.into()))?;
        let done = self.run_all(pieces, joining).and_then(|is_new| {
            self.check()?;
            let (conn, begun) = (&mut *self.conn, Instant::now());
            let committed = directly!(conn => Fixed("COMMIT").execute(conn));
            self.took = begun.elapsed();
            committed.map(|_| is_new).map_err(|error| Failure::Refused(error.into()))
        });
        if done.is_err() {
            // Fails when SQLite has rolled back already, which is what is wanted.
            let conn = &mut *self.conn;
            let _ended = directly!(conn => Fixed("ROLLBACK").execute(conn));
        }
        self.neighbours.publish(done.is_ok());
        let is_new = done?;
        // Nothing is acknowledged that was written to a file which nobody will find.
        self.look_for_the_file(Files::whereabouts)?;
        if is_new {
            be_seen();
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        self.health.check().map_err(Failure::Refused)
    }

    fn look_for_the_file(&mut self, place: fn(&Files) -> Place) -> Result<(), Failure> {
        let place = self.files.map_or(Place::Kept, place);
        let why = match place {
            Place::Kept => return Ok(()),
            Place::Full => "the disk is full",
            Place::Gone => "the file of the database was moved or deleted",
            _ => {
                // Before the last one is answered: whoever has the file now has all of it.
                self.shorten_log();
                let cause = match place {
                    Place::OtherLog => "what is in a log that was deleted may be lost",
                    _ => "there is another in its place",
                };
                self.health.give_up(GivenUp::Replaced, cause);
                GivenUp::Replaced.words()
            }
        };
        Err(Failure::Refused(StorageError::Unavailable(why.to_owned())))
    }

    /// Not over what others have written since the log was deleted: it would be undone.
    fn shorten_log(&mut self) {
        if self.files.is_none_or(|files| files.whereabouts() != Place::OtherLog) {
            connection::shorten_log(self.conn);
        }
    }

    /// True: this process is new to others.
    fn run_all(
        &mut self,
        pieces: &mut Vec<Box<dyn Piece>>,
        mut joining: Option<&mut Waiting>,
    ) -> Result<bool, Failure> {
        let Self { conn, neighbours, health, .. } = self;
        // A piece that has met damage may take it for its own failure.
        health.watch(|| {
            let is_new = neighbours.look(conn).map_err(Failure::Refused)?;
            let mut done = 0;
            while let Some(piece) = pieces.get_mut(done) {
                // Again, because the pieces before it took their time.
                if !piece.is_abandoned() {
                    run(conn, piece.as_mut()).map_err(ended)?;
                }
                done += 1;
                if done == pieces.len() {
                    pieces.extend(joining.as_mut().and_then(|waiting| waiting.come_back(done)));
                }
            }
            Ok(is_new)
        })
    }
}

impl Failure {
    fn into_error(self) -> StorageError {
        match self {
            Self::Ended(error) | Self::Refused(error) => error,
        }
    }
}

fn run(conn: &mut DbConnection, piece: &mut dyn Piece) -> diesel::QueryResult<()> {
    directly!(conn => Fixed("SAVEPOINT work").execute(conn))?;
    if !piece.run(conn) {
        directly!(conn => Fixed("ROLLBACK TO work").execute(conn))?;
    }
    // Fails when the transaction is gone, whatever the piece itself believes.
    directly!(conn => Fixed("RELEASE work").execute(conn)).map(drop)
}

/// The savepoint is gone: what SQLite says of that is not why, and the piece's own error is not seen
/// here. It ends transactions for passing reasons only: "Response To Errors Within A Transaction".
fn ended(error: diesel::result::Error) -> Failure {
    Failure::Ended(match StorageError::from(error) {
        corrupt @ StorageError::Corrupt(_) => corrupt,
        other => StorageError::Unavailable(format!("the transaction was ended: {other}")),
    })
}
