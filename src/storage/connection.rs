//! The one file that knows the database engine: how SQLite is opened, checked and set up.

pub(super) mod beside;
mod kept;
mod log;
mod migration;
mod watch;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{OpenError, StorageError};
use crate::clock::UnixTime;
use crate::config::Database;
pub(super) use kept::{Fixed, update};
use log::has_no_wal_reset_bug;
pub(super) use log::shorten_log;
use migration::{migrate, oldest_allowed};
pub(super) use watch::{data_version, watch};

/// The schema that the migrations end in.
pub(super) const SCHEMA_VERSION: i64 = 12;

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

/// Opens the one connection that writes, makes or migrates the schema, and reads a row of each table.
pub(super) fn open_writer(
    database: &Database,
    missing: Missing,
    now: UnixTime,
) -> Result<(DbConnection, Opened), OpenError> {
    let Database::File(path) = database else {
        let mut conn = establish(":memory:").map_err(|e| unreadable(Path::new(":memory:"), e))?;
        prepare(&mut conn, now).map_err(|e| unreadable(Path::new(":memory:"), e))?;
        let opened = Opened { unclean: false, updated_from: None };
        return Ok((DbConnection::Sqlite(conn), opened));
    };
    // Looked at first: no log is written before the file has a page.
    let log = format!("{}-wal", path.display());
    let unclean = fs::metadata(log).is_ok_and(|log| log.len() > 0);
    create_or_check(path, missing, unclean)?;
    let open = || -> Result<(SqliteConnection, Option<i64>), StorageError> {
        let mut conn = establish(&uri(path, "rw"))?;
        conn.batch_execute("PRAGMA journal_mode = WAL")?;
        let updated_from = prepare(&mut conn, now)?;
        Ok((conn, updated_from))
    };
    let (mut conn, updated_from) = patiently(open).map_err(|error| unreadable(path, error))?;
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
    // As a table-valued function it would take the number for the name of a table.
    let verdict = diesel::sql_query("PRAGMA quick_check(1)").get_result::<Verdict>(&mut conn)?;
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

/// Never looks at a file with a connection that could write before it is known to be ours.
fn create_or_check(path: &Path, missing: Missing, has_log: bool) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => {
            return Err(OpenError::Unreadable(path.to_owned(), "it is not a file".to_owned()));
        }
        Ok(file) if file.len() == 0 => {
            return match missing {
                // SQLite would take the file for new, and delete the log.
                _ if has_log => {
                    let why = "it is empty, its log is not".to_owned();
                    Err(OpenError::Damaged(path.to_owned(), why))
                }
                Missing::Refuse => Err(OpenError::Missing(path.to_owned())),
                // A first start that ended here.
                Missing::Create => Ok(()),
            };
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if missing == Missing::Refuse {
                return Err(OpenError::Missing(path.to_owned()));
            }
            // Not "create new": another process may be starting beside us.
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
            return file.map(drop).map_err(|error| refused(path, &error));
        }
        Err(error) => return Err(refused(path, &error)),
    }
    let look = |mode| -> Result<(i64, Vec<String>), StorageError> {
        let mut conn = establish(&uri(path, mode))?;
        let id = "SELECT application_id FROM pragma_application_id";
        Ok((number(&mut conn, id)?, tables(&mut conn)?))
    };
    // With an empty log nobody is at work: without a lock, so that not even the files beside a
    // stranger's database change. Otherwise the log has its say.
    let mode = if has_log { "ro" } else { "ro&immutable=1" };
    let looked = patiently(|| look(mode)).map_err(|error| unreadable(path, error));
    let (application_id, tables) = looked?;
    let replaced = ["oauth_clients", "oauth_codes", "oauth_tokens"];
    match application_id {
        APPLICATION_ID => Ok(()),
        0 if tables.is_empty() => Ok(()),
        0 if replaced.iter().all(|name| tables.iter().any(|table| table == name)) => {
            Err(OpenError::ReplacedProvider(path.to_owned()))
        }
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
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

/// `busy_timeout` first: everything after it may have to wait for another process.
fn establish(url: &str) -> Result<SqliteConnection, StorageError> {
    let mut conn = SqliteConnection::establish(url)
        .map_err(|error| StorageError::Unavailable(error.to_string()))?;
    conn.batch_execute(
        "PRAGMA busy_timeout = 5000;
         PRAGMA synchronous = FULL;
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

/// Database, log and index are for the service's user alone.
fn restrict(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let file = PathBuf::from(format!("{}{suffix}", path.display()));
        match fs::metadata(&file) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            }
            _ => {}
        }
    }
    Ok(())
}
