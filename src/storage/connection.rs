//! The one file that knows the database engine: how SQLite is opened, checked and set up.

mod before_update;
pub(super) mod beside;
pub(super) mod carry_over;
pub(super) mod copying;
mod first_look;
mod kept;
mod log;
mod migration;
pub(super) mod replaced;
pub(super) mod replacing;
pub(super) mod turn;
mod watch;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{OpenError, StorageError, next_to};
use crate::clock::UnixTime;
use crate::config::Database;
use first_look::create_or_check;
pub(super) use kept::{Fixed, LookUp, Numbered, update};
use log::has_no_wal_reset_bug;
pub(super) use log::shorten_log;
use migration::{migrate, oldest_allowed, schema_version};
pub(super) use watch::{data_version, watch};

/// The schema that the migrations end in.
pub const SCHEMA_VERSION: i64 = 13;

/// "mcpo": says that a file is ours.
const APPLICATION_ID: i64 = 0x6d63_706f;

/// Every statement of ours runs through this, so that nothing that only one engine can do creeps in.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// The embedded default.
    Sqlite(SqliteConnection),
}

/// Runs a query on the engine that is behind the connection, which finds its prepared statement by the
/// query's type. Through the connection itself the text of the query would be made each time anew, to
/// find the statement by: several times the work of a look-up by key. For what introspection, the gate
/// and the token endpoint ask each time, and for nothing else: whether a query is portable is checked
/// here only once there is a second engine.
macro_rules! directly {
    ($conn:ident => $query:expr) => {
        match $conn {
            $crate::storage::DbConnection::Sqlite($conn) => $query,
        }
    };
}
pub(super) use directly;

/// Whether opening may make a new database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make it, empty.
    Create,
    /// [`OpenError::Missing`].
    Refuse,
}

/// What opening found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The write-ahead log was not empty: the last process that used the file did not close it.
    pub unclean: bool,
    /// The version of the schema that was brought up to date; none if it was.
    pub updated_from: Option<i64>,
}

/// Opens the one connection that writes, makes or migrates the schema, and reads a row of each table. A
/// schema that changes is copied first, and so many such copies are kept; 0: none is made.
pub(super) fn open_writer(
    database: &Database,
    missing: Missing,
    copies: usize,
    now: UnixTime,
) -> Result<(DbConnection, Opened), OpenError> {
    let Database::File(path) = database else {
        let mut conn = establish(":memory:").map_err(|e| unreadable(Path::new(":memory:"), e))?;
        prepare(&mut conn, now).map_err(|e| unreadable(Path::new(":memory:"), e))?;
        let opened = Opened { unclean: false, updated_from: None };
        return Ok((DbConnection::Sqlite(conn), opened));
    };
    let Some(_turn) = turn::Turn::to_open(path) else {
        let why = "another file is being put into its place".to_owned();
        return Err(OpenError::Unreadable(path.clone(), why));
    };
    // Looked at first: no log is written before the file has a page.
    let log = next_to(path, "-wal");
    let unclean = fs::metadata(log).is_ok_and(|log| log.len() > 0);
    create_or_check(path, missing, unclean)?;
    let open = |may_update: bool| -> Result<_, StorageError> {
        let mut conn = establish(&uri(path, "rw"))?;
        conn.batch_execute("PRAGMA journal_mode = WAL")?;
        if !may_update && copying::is_older(&mut conn)? {
            return Ok(None);
        }
        let updated_from = prepare(&mut conn, now)?;
        Ok(Some((conn, updated_from)))
    };
    let mut may_update = copies == 0;
    let (mut conn, updated_from) = loop {
        let opened = patiently(|| open(may_update)).map_err(|error| unreadable(path, error))?;
        if let Some(opened) = opened {
            break opened;
        }
        before_update::copy(path, copies, now)?;
        may_update = true;
    };
    let needed = oldest_allowed(&mut conn).map_err(|error| unreadable(path, error))?;
    if needed > SCHEMA_VERSION {
        return Err(OpenError::TooNew { path: path.clone(), needed });
    }
    restrict(path).map_err(|error| refused(path, &error))?;
    Ok((DbConnection::Sqlite(conn), Opened { unclean, updated_from }))
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<DbConnection, StorageError> {
    let mut conn = establish(&uri(path, "ro"))?;
    conn.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -4096")?;
    Ok(DbConnection::Sqlite(conn))
}

/// Lets the connection write, or no longer: for the one that serves readers and the writer.
pub(super) fn set_writable(conn: &mut DbConnection, writable: bool) -> Result<(), StorageError> {
    let pragma = if writable { "PRAGMA query_only = OFF" } else { "PRAGMA query_only = ON" };
    Ok(conn.batch_execute(pragma)?)
}

/// SQLite's own look at every page. Minutes on a large file.
pub(super) fn quick_check(path: &Path) -> Result<(), StorageError> {
    let DbConnection::Sqlite(mut conn) = open_reader(path)?;
    check_pages(&mut conn)
}

/// As [`quick_check`], of a file that is open: [`StorageError::Corrupt`] with the first damage.
fn check_pages(conn: &mut SqliteConnection) -> Result<(), StorageError> {
    // As a table-valued function it would take the number for the name of a table.
    let verdict = diesel::sql_query("PRAGMA quick_check(1)").get_result::<Verdict>(conn)?;
    let verdict = verdict.quick_check;
    if verdict == "ok" { Ok(()) } else { Err(StorageError::Corrupt(verdict)) }
}

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Where many start on one fresh file, SQLite answers "locked" at once, whatever the busy timeout:
/// two readers that both turn the file to WAL would wait for each other for ever.
fn patiently<T>(open: impl Fn() -> Result<T, StorageError>) -> Result<T, StorageError> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match open() {
            Err(StorageError::Unavailable(why))
                if why.contains("locked") && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

fn unreadable(path: &Path, error: StorageError) -> OpenError {
    match error {
        StorageError::Corrupt(why) => OpenError::Damaged(path.to_owned(), why),
        error => OpenError::Unreadable(path.to_owned(), error.to_string()),
    }
}

fn refused(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Unreadable(path.to_owned(), error.to_string())
}

fn uri(path: &Path, mode: &str) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let encoded: String =
        absolute.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{encoded}?mode={mode}")
}

/// For how long a lock is waited for that another process holds.
const PATIENCE: &str = "PRAGMA busy_timeout = 5000";

/// [`PATIENCE`] first: everything after it may have to wait for another process.
fn establish(url: &str) -> Result<SqliteConnection, StorageError> {
    let mut conn = SqliteConnection::establish(url)
        .map_err(|error| StorageError::Unavailable(error.to_string()))?;
    conn.batch_execute(PATIENCE)?;
    conn.batch_execute(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(conn)
}

/// Migrates, in one transaction that another starting process waits for, and reads every table. The
/// version before, if it was older.
fn prepare(conn: &mut SqliteConnection, now: UnixTime) -> Result<Option<i64>, StorageError> {
    let version =
        diesel::sql_query("SELECT sqlite_version() AS text").get_result::<TextRow>(conn)?.text;
    if !has_no_wal_reset_bug(&version) {
        return Err(StorageError::Unavailable(format!("SQLite {version} is older than 3.51.3")));
    }
    let updated_from = conn.immediate_transaction(|conn| migrate(conn, now))?;
    for table in tables(conn)? {
        conn.batch_execute(&format!("SELECT * FROM \"{table}\" LIMIT 1"))?;
    }
    Ok(updated_from)
}

fn tables(conn: &mut SqliteConnection) -> Result<Vec<String>, StorageError> {
    let query = "SELECT name AS text FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
    texts(conn, query)
}

fn texts(conn: &mut SqliteConnection, query: &str) -> Result<Vec<String>, StorageError> {
    Ok(diesel::sql_query(query).load::<TextRow>(conn)?.into_iter().map(|row| row.text).collect())
}

fn number(conn: &mut SqliteConnection, query: &'static str) -> Result<i64, StorageError> {
    Ok(Fixed(query).get_result(conn)?)
}

/// Whose file it says that it is: [`APPLICATION_ID`], if it is ours.
fn application_id(conn: &mut SqliteConnection) -> Result<i64, StorageError> {
    number(conn, "SELECT application_id FROM pragma_application_id")
}

/// Database, log and index are for the service's user alone.
pub(super) fn restrict(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let file = next_to(path, suffix);
        match fs::metadata(&file) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            }
            _ => {}
        }
    }
    Ok(())
}
