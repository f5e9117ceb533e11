//! A file that is damaged where opening does not look: whoever meets it ends all writing.

use std::fs;
use std::path::Path;

use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::oauth::UserId;
use mcp_oauthd::storage::Method;
use mcp_oauthd::storage::events::{self, Event, Subject};
use mcp_oauthd::storage::sessions::Arrival;
use mcp_oauthd::storage::{GivenUp, Missing, Storage, StorageError, sessions};

use crate::engines::{log_of, open_file, path_in};

const NOW: UnixTime = UnixTime(1_790_000_000);

#[tokio::test]
async fn damage_that_a_read_meets_ends_all_writing() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let storage = damaged(&path).await;
    storage.write(add_session).await.unwrap();
    assert!(storage.health().given_up().is_none(), "nobody has looked there yet");
    let read = storage.read(|conn| events::list(conn, 10_000).map(drop)).await;
    assert!(matches!(read, Err(StorageError::Corrupt(_))), "{read:?}");
    nothing_is_written_any_more(&storage, &path).await;
}

#[tokio::test]
async fn damage_that_the_check_meets_ends_all_writing() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let storage = damaged(&path).await;
    storage.write(add_session).await.unwrap();
    assert!(matches!(storage.quick_check(), Err(StorageError::Corrupt(_))));
    nothing_is_written_any_more(&storage, &path).await;
}

#[tokio::test]
async fn what_a_write_has_done_before_it_met_damage_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let storage = damaged(&path).await;
    let log = fs::read(log_of(&path)).unwrap();
    let careless = storage.write(|conn| {
        add_session(conn)?;
        let _overlooked = events::list(conn, 10_000);
        Ok::<_, StorageError>(())
    });
    let careless = careless.await;
    assert!(matches!(careless, Err(StorageError::Corrupt(_))), "{careless:?}");
    nothing_is_written_any_more(&storage, &path).await;
    assert!(fs::read(log_of(&path)).unwrap() == log);
}

async fn nothing_is_written_any_more(storage: &Storage, path: &Path) {
    assert!(storage.health().given_up() == Some(GivenUp::Damaged));
    storage.health().lost().await;
    let before = (fs::read(path).unwrap(), fs::read(log_of(path)).ok());
    let write = storage.write(add_session).await;
    assert!(matches!(write, Err(StorageError::Corrupt(_))), "{write:?}");
    storage.close().await;
    assert!((fs::read(path).unwrap(), fs::read(log_of(path)).ok()) == before);
}

fn add_session(conn: &mut mcp_oauthd::storage::DbConnection) -> Result<(), StorageError> {
    sessions::insert(conn, &UserId::generate(), &Arrival::by(Method::Password), NOW, NOW).map(drop)
}

/// A database whose last page, of events, is damaged.
async fn damaged(path: &Path) -> Storage {
    let storage = open_file(path, Missing::Create).unwrap();
    let fill = |conn: &mut _| {
        for _ in 0..1000 {
            let subject = Subject { detail: Some("x".repeat(100)), ..Subject::default() };
            events::record(conn, Event::SignedIn, subject, NOW)?;
        }
        Ok::<_, StorageError>(())
    };
    storage.write(fill).await.unwrap();
    storage.close().await;
    let mut bytes = fs::read(path).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0xa5);
    fs::write(path, &bytes).unwrap();
    open_file(path, Missing::Refuse).unwrap()
}
