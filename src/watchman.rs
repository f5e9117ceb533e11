//! Looks every five seconds at what the service stands on, the machine's clock and the file of the
//! database, and says once what is wrong with it, and once that it is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tracing::{debug, error, info, warn};

use crate::app::App;
use crate::clock::{MachineTime, Observer, Seconds, UnixTime};
use crate::storage::{DbConnection, Place, StorageError, seen_time};

/// How often.
const PERIOD: Duration = Duration::from_secs(5);
/// By how much the database may know less than this process about how late it is.
const UNWRITTEN: Seconds = Seconds(50);
/// Sixteen times what the log should ever be: somebody reads, and does not come to an end.
const LONG_LOG: u64 = 64 * 1024 * 1024;

/// What it knows.
struct Watchman {
    observer: Observer,
    time: MachineTime,
    written: UnixTime,
    log_is_long: bool,
}

/// Looks once, before anybody believes the clock, and then until it is aborted.
///
/// # Errors
/// The database's.
pub async fn start(app: &Arc<App>) -> Result<JoinHandle<()>, StorageError> {
    let seen = app.storage.read(seen_time::find).await?;
    let now = UnixTime(app.clock.machine_millis().div_euclid(1000));
    let mut watchman = Watchman {
        observer: Observer::new(seen.unwrap_or(now), Instant::now()),
        time: MachineTime::Steady,
        written: seen.unwrap_or(UnixTime(0)),
        log_is_long: false,
    };
    watchman.look(app).await;
    let app = app.clone();
    Ok(tokio::spawn(async move {
        loop {
            tokio::time::sleep(PERIOD).await;
            watchman.look(&app).await;
        }
    }))
}

impl Watchman {
    async fn look(&mut self, app: &App) {
        self.look_at_the_clock(app).await;
        self.look_at_the_file(app).await;
        app.storage.health().settle();
    }

    async fn look_at_the_clock(&mut self, app: &App) {
        let time = self.observer.look(app.clock.machine_millis(), Instant::now());
        let seen = self.observer.seen();
        app.clock.raise(seen);
        app.clock.note_jump(matches!(time, MachineTime::Ahead(_)));
        let before = std::mem::replace(&mut self.time, time);
        if std::mem::discriminant(&before) != std::mem::discriminant(&time) {
            match time {
                MachineTime::Behind(Seconds(seconds)) => {
                    error!(
                        seconds,
                        "the clock went backwards: until it has caught up, time goes at half its pace"
                    );
                }
                MachineTime::Ahead(Seconds(seconds)) => {
                    warn!(
                        seconds,
                        "the clock jumped forwards: nothing is deleted for a tenth of that time, or an hour"
                    );
                }
                MachineTime::Steady => info!("the clock goes as time does"),
            }
        }
        if seen - self.written < UNWRITTEN {
            return;
        }
        let write = move |conn: &mut DbConnection| seen_time::raise(conn, seen);
        match app.storage.write::<_, StorageError>(write).await {
            Ok(()) => self.written = seen,
            // The writer says once that the database cannot be written.
            Err(error) => debug!(%error, "how late it is could not be written"),
        }
    }

    async fn look_at_the_file(&mut self, app: &App) {
        let size = app.storage.log_size();
        let is_long = if self.log_is_long { size > LONG_LOG / 2 } else { size > LONG_LOG };
        if std::mem::replace(&mut self.log_is_long, is_long) != is_long {
            if is_long {
                warn!(size, "the write-ahead log grows: somebody reads the database without end");
            } else {
                info!(size, "the write-ahead log has shrunk again");
            }
        }
        if app.storage.place() != Place::Kept {
            // The writer finds out, before somebody needs it.
            let _refused: Result<(), StorageError> = app.storage.write(|_| Ok(())).await;
        }
    }
}
