//! What `read`, `write` and `close` promise.

use mcp_oauthd::oauth::UserId;
use mcp_oauthd::storage::{DbConnection, Missing, StorageError, probe, users};
use tokio::task::yield_now;

use crate::engines::{engines, log_of, occupy, open_file, path_in, user};

#[tokio::test]
async fn what_is_acknowledged_is_read_at_once() {
    for engine in engines() {
        let opened = engine.open();
        let ada = user("ada");
        let row = ada.clone();
        let insert = move |conn: &mut DbConnection| users::insert(conn, &row);
        opened.storage.write(insert).await.unwrap();
        let found = opened.storage.read(|conn| users::find(conn, &ada.id)).await.unwrap();
        assert_eq!(found.unwrap().username, "ada", "{}", engine.name);
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    for engine in engines() {
        let opened = engine.open();
        let outcome = opened.storage.read(|conn| users::insert(conn, &user("ada"))).await;
        assert!(outcome.is_err(), "{}", engine.name);
        let none = opened.storage.read(users::count).await.unwrap();
        assert_eq!(none, 0, "{}", engine.name);
        // And the writer still can.
        opened.storage.write(probe::write).await.unwrap();
    }
}

#[tokio::test]
async fn a_taken_key_is_told_from_every_other_failure() {
    for engine in engines() {
        let opened = engine.open();
        let insert = |conn: &mut DbConnection| users::insert(conn, &user("ada"));
        opened.storage.write(insert).await.unwrap();
        let again = opened.storage.write(insert).await;
        assert!(matches!(again, Err(StorageError::AlreadyExists)), "{}", engine.name);
    }
}

#[tokio::test]
async fn two_storages_of_one_process_are_not_mixed_up() {
    for engine in engines() {
        let (one, other) = (engine.open(), engine.open());
        let insert = |conn: &mut DbConnection| users::insert(conn, &user("ada"));
        one.storage.write(insert).await.unwrap();
        for _ in 0..2 {
            assert_eq!(one.storage.read(users::count).await.unwrap(), 1, "{}", engine.name);
            assert_eq!(other.storage.read(users::count).await.unwrap(), 0, "{}", engine.name);
        }
    }
}

#[tokio::test]
async fn closing_commits_what_waits_and_then_refuses() {
    for engine in engines() {
        let opened = engine.open();
        let user = UserId::generate();
        let release = opened.occupy().await;
        let waiting = opened.add(&user);
        yield_now().await;
        let storage = opened.storage.clone();
        let closing = tokio::spawn(async move { storage.close().await });
        yield_now().await;
        drop(release);
        closing.await.unwrap();
        waiting.await.unwrap().unwrap();
        let late = opened.add(&user).await.unwrap();
        assert!(matches!(late, Err(StorageError::Unavailable(_))), "{}", engine.name);
    }
}

#[tokio::test]
async fn a_read_of_a_file_does_not_wait_for_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open_file(&path_in(&dir), Missing::Create).unwrap();
    let release = occupy(&storage).await;
    assert_eq!(storage.read(users::count).await.unwrap(), 0);
    drop(release);
}

#[tokio::test]
async fn closing_empties_the_log_and_what_it_held_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let storage = open_file(&path, Missing::Create).unwrap();
    storage.write(|conn| users::insert(conn, &user("ada"))).await.unwrap();
    // With a reader open, SQLite itself would leave the log as it is.
    assert_eq!(storage.read(users::count).await.unwrap(), 1);
    assert!(log_of(&path).metadata().unwrap().len() > 0);
    storage.close().await;
    assert_eq!(log_of(&path).metadata().map_or(0, |log| log.len()), 0);

    let copy = dir.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    let storage = open_file(&copy, Missing::Refuse).unwrap();
    assert!(!storage.opened().unclean);
    assert_eq!(storage.read(users::count).await.unwrap(), 1);
}
