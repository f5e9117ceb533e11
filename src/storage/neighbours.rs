//! Other processes on the same file: what they change is forgotten, and while one of them serves,
//! nothing is remembered.
//!
//! A process that serves has a row in `serving_processes`. While it is alone it writes nothing there.
//! One that starts adds its row, and acknowledges no write before the others have had the time to look:
//! from then on all of them say, by a beat, that they are there, and none remembers. Whoever misses
//! [`GIVEN_UP`] of beats is taken for dead, and its row deleted; if it was only asleep it finds that out
//! at its next transaction, and begins anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::changes::{BEAT, Changes, TRUST};
use super::connection::data_version;
use super::{DbConnection, StorageError, serving_processes};

/// After how long without a beat a process is dead.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// What the writer knows of them.
pub(super) struct Neighbours {
    changes: Arc<Changes>,
    /// Of this process, once it serves.
    id: Option<i64>,
    version: Option<i64>,
    others: Vec<Other>,
    last_beat: Instant,
    /// When the transaction under way looked, if there is nobody else.
    looked: Option<Instant>,
    has_changed: bool,
}

struct Other {
    id: i64,
    beats: i64,
    heard: Instant,
}

impl Neighbours {
    pub(super) fn new(changes: Arc<Changes>) -> Self {
        let last_beat = Instant::now();
        Self {
            changes,
            id: None,
            version: None,
            others: vec![],
            last_beat,
            looked: None,
            has_changed: false,
        }
    }

    /// This process begins to serve: the next look tells the others.
    pub(super) fn serve(&mut self) {
        self.id = Some(rand::random());
        self.version = None;
    }

    /// Looks what others have done, in a transaction that is to be committed: nobody else commits
    /// before it ends. True: the others have to be given [`TRUST`] after the commit, to see that this
    /// process is here.
    pub(super) fn look(&mut self, conn: &mut DbConnection) -> Result<bool, StorageError> {
        let looked = Instant::now();
        let version = data_version(conn)?;
        let stirred = self.version.replace(version) != Some(version);
        if stirred {
            self.changes.forget_everything();
        }
        // Whoever does not serve remembers nothing.
        let Some(id) = self.id else { return Ok(false) };
        let mut is_new = false;
        if stirred || !self.others.is_empty() {
            is_new = self.meet(conn, id, looked)?;
        }
        self.changes.set_accompanied(!self.others.is_empty());
        self.looked = Some(looked).filter(|_| self.others.is_empty());
        Ok(is_new && !self.others.is_empty())
    }

    /// What the transaction has changed is forgotten, whatever became of it. What it said to others
    /// is said again, if it was not committed.
    pub(super) fn publish(&mut self, committed: bool) {
        self.has_changed |= self.changes.publish();
        let looked = self.looked.take();
        if !committed {
            self.version = None;
        } else if let Some(looked) = looked {
            self.changes.trust(looked);
        }
    }

    /// This process ends. If it has changed anything, those who serve have to have seen it.
    pub(super) fn leave(&self, conn: &mut DbConnection) {
        if let Some(id) = self.id {
            // The others find out in the end.
            let _best_effort = serving_processes::remove(conn, id);
        } else if self.has_changed && !serving_processes::list(conn).is_ok_and(|all| all.is_empty())
        {
            be_seen();
        }
    }

    /// True if this process had no row.
    fn meet(
        &mut self,
        conn: &mut DbConnection,
        id: i64,
        now: Instant,
    ) -> Result<bool, StorageError> {
        let all = serving_processes::list(conn)?;
        let is_new = !all.iter().any(|(other, _)| *other == id);
        if is_new {
            serving_processes::insert(conn, id)?;
        }
        // Whoever begins anew has heard of nobody.
        let known = if is_new { vec![] } else { std::mem::take(&mut self.others) };
        for (other, beats) in all.into_iter().filter(|(other, _)| *other != id) {
            let same = |known: &&Other| known.id == other && known.beats == beats;
            let heard = known.iter().find(same).map_or(now, |known| known.heard);
            if now.duration_since(heard) > GIVEN_UP {
                serving_processes::remove(conn, other)?;
            } else {
                self.others.push(Other { id: other, beats, heard });
            }
        }
        if !self.others.is_empty() && now.duration_since(self.last_beat) >= BEAT {
            serving_processes::beat(conn, id)?;
            self.last_beat = now;
        }
        Ok(is_new)
    }
}

/// Waits until others have seen what was committed before.
pub(super) fn be_seen() {
    std::thread::sleep(TRUST);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixTime;
    use crate::config::Database;
    use crate::storage::Missing;
    use crate::storage::connection::open_writer;

    #[test]
    fn whoever_misses_its_beats_is_given_up_and_begins_anew() {
        let opened = open_writer(&Database::Memory, Missing::Create, 0, UnixTime(1_790_000_000));
        let mut conn = opened.unwrap().0;
        let [mut one, mut other] = [(), ()].map(|()| Neighbours::new(Arc::new(Changes::default())));
        // Nobody else commits on this connection: as if somebody had.
        let mut look = |neighbours: &mut Neighbours| {
            neighbours.version = None;
            let is_new = neighbours.look(&mut conn).unwrap();
            neighbours.publish(true);
            is_new
        };
        one.serve();
        assert!(!look(&mut one) && one.changes.are_known(), "it is alone");
        other.serve();
        assert!(look(&mut other), "the other one has to see it");
        look(&mut one);
        one.others[0].heard -= GIVEN_UP + BEAT;
        look(&mut one);
        assert!(one.others.is_empty());
        assert!(look(&mut other), "it has been given up");
        other.others[0].heard -= GIVEN_UP + BEAT;
        one.last_beat -= 2 * BEAT;
        look(&mut one);
        look(&mut other);
        assert_eq!(other.others.len(), 1, "it has been heard of");
        // Both were asleep: whoever wakes first gives the other up, which then waits for it.
        one.others[0].heard -= GIVEN_UP + BEAT;
        other.others[0].heard -= GIVEN_UP + BEAT;
        one.last_beat = Instant::now();
        look(&mut one);
        assert!(one.others.is_empty());
        assert!(look(&mut other), "the first one has to see it");
    }
}
