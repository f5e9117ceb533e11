//! One transaction for everybody who waits.
//!
//! Nobody is answered before COMMIT has returned. What a piece found out is as uncertain as what
//! it wrote until then, so refusals wait too.

use diesel::RunQueryDsl as _;

use super::{Batch, Piece};
use crate::storage::connection::{self, DbConnection, Fixed, directly};
use crate::storage::files::{Files, Place};
use crate::storage::neighbours::{Neighbours, be_seen};
use crate::storage::{GivenUp, Health, StorageError};

/// On what a transaction works.
pub(super) struct Group<'a> {
    pub(super) conn: &'a mut DbConnection,
    pub(super) neighbours: &'a mut Neighbours,
    pub(super) health: &'a Health,
    /// None in memory.
    pub(super) files: Option<&'a Files>,
}

/// Why a group was not committed.
enum Failure {
    /// BEGIN or COMMIT failed: so did every piece.
    Refused(StorageError),
    /// SQLite itself ended the transaction (disk full, I/O error) under one of the pieces.
    Ended(StorageError),
}

impl Group<'_> {
    /// Does and answers what was waiting.
    pub(super) fn run(&mut self, batch: Batch) {
        if batch.serves {
            self.neighbours.serve();
        }
        if batch.pieces.is_empty() && (batch.looks || batch.serves) {
            // What is wrong is said at the next write, and until then nothing is remembered.
            let _not_looked = self.attempt(&mut []);
        }
        self.commit(batch.pieces);
        if batch.closes {
            // Whoever closes a file folds its log into it, and deletes what has that log's name.
            let _given_up = self.look_for_the_file(Files::place);
        }
    }

    fn commit(&mut self, mut pieces: Vec<Box<dyn Piece>>) {
        if pieces.is_empty() {
            return;
        }
        let outcome = match self.attempt(&mut pieces) {
            // One piece has cost the others their transaction: each gets one of its own.
            Err(Failure::Ended(_)) if pieces.len() > 1 => {
                return pieces.into_iter().for_each(|piece| self.commit(vec![piece]));
            }
            outcome => outcome.map_err(Failure::into_error),
        };
        self.health.wrote(&outcome);
        match &outcome {
            Ok(()) => {}
            Err(StorageError::Corrupt(why)) => self.health.damage(why),
            Err(_) => self.shorten_log(),
        }
        for piece in pieces {
            piece.answer(outcome.clone());
        }
    }

    fn attempt(&mut self, pieces: &mut [Box<dyn Piece>]) -> Result<(), Failure> {
        self.check()?;
        self.look_for_the_file(Files::place)?;
        // IMMEDIATE: a deferred transaction that turns to writing fails, whatever the busy timeout.
        let conn = &mut *self.conn;
        let begun = directly!(conn => Fixed("BEGIN IMMEDIATE").execute(conn));
        begun.map_err(|error| Failure::Refused(error.into()))?;
        let done = self.run_all(pieces).and_then(|is_new| {
            self.check()?;
            let conn = &mut *self.conn;
            let committed = directly!(conn => Fixed("COMMIT").execute(conn));
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
    fn run_all(&mut self, pieces: &mut [Box<dyn Piece>]) -> Result<bool, Failure> {
        let Self { conn, neighbours, health, .. } = self;
        // A piece that has met damage may take it for its own failure.
        health.watch(|| {
            let is_new = neighbours.look(conn).map_err(Failure::Refused)?;
            for piece in pieces {
                // Again, because the pieces before it took their time.
                if !piece.is_abandoned() {
                    run(conn, piece.as_mut()).map_err(ended)?;
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
