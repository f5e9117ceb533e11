//! Opening a file of ours.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use mcp_oauthd::storage::{Missing, OpenError, users};

use crate::engines::{log_of, open_file, path_in, user};

#[test]
fn a_missing_database_is_made_only_when_it_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let refused = open_file(&path, Missing::Refuse);
    assert!(matches!(refused, Err(OpenError::Missing(named)) if named == path));
    assert!(!path.exists());
    open_file(&path, Missing::Create).unwrap();
    open_file(&path, Missing::Refuse).unwrap();
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let storage = open_file(&path, Missing::Create).unwrap();
    storage.write(|conn| users::insert(conn, &user("ada"))).await.unwrap();
    storage.close().await;
    let storage = open_file(&path, Missing::Create).unwrap();
    assert!(!storage.opened().unclean);
    assert_eq!(storage.read(users::count).await.unwrap(), 1);
}

#[tokio::test]
async fn a_crash_loses_nothing_and_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let storage = open_file(&path, Missing::Create).unwrap();
    storage.write(|conn| users::insert(conn, &user("ada"))).await.unwrap();

    // What a killed process leaves behind: the files as they are now.
    let left = dir.path().join("left.db");
    fs::copy(&path, &left).unwrap();
    fs::copy(log_of(&path), log_of(&left)).unwrap();
    let storage = open_file(&left, Missing::Refuse).unwrap();
    assert!(storage.opened().unclean);
    assert_eq!(storage.read(users::count).await.unwrap(), 1);
    storage.quick_check().unwrap();
}

#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let storage = open_file(&path, Missing::Create).unwrap();
    storage.write(|conn| users::insert(conn, &user("ada"))).await.unwrap();
    assert_eq!(modes(&path), [0o600; 3]);
    storage.close().await;

    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let storage = open_file(&path, Missing::Create).unwrap();
    storage.write(|conn| users::insert(conn, &user("bob"))).await.unwrap();
    assert_eq!(modes(&path), [0o600; 3]);
}

#[test]
fn many_may_start_on_a_fresh_path_at_once() {
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let (path, start) = (path_in(&dir), Barrier::new(8));
        thread::scope(|scope| {
            let open = || {
                start.wait();
                open_file(&path, Missing::Create).map(drop)
            };
            let starting: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            for started in starting {
                started.join().unwrap().unwrap();
            }
        });
    }
}

#[tokio::test]
async fn a_name_that_would_mean_something_in_a_uri_is_only_a_name() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a b.db", "a?mode=memory.db", "a#b.db", "a%41.db", "ä.db"] {
        let path = dir.path().join(name);
        let storage = open_file(&path, Missing::Create).unwrap();
        storage.write(|conn| users::insert(conn, &user("ada"))).await.unwrap();
        assert_eq!(storage.read(users::count).await.unwrap(), 1, "{name}");
        assert!(path.metadata().unwrap().len() > 0, "{name}");
    }
}

fn modes(path: &Path) -> [u32; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let file = PathBuf::from(format!("{}{suffix}", path.display()));
        file.metadata().unwrap().permissions().mode() & 0o777
    })
}
