//! Pieces share a transaction; what becomes of one is no other's concern.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_oauthd::oauth::UserId;
use mcp_oauthd::storage::Method;
use mcp_oauthd::storage::sessions::Arrival;
use mcp_oauthd::storage::{DbConnection, Limits, StorageError, sessions};
use tokio::task::yield_now;

use crate::engines::{Opened, engines};

#[tokio::test]
async fn a_refusal_undoes_its_own_piece_and_no_other_of_its_group() {
    for engine in engines() {
        let opened = engine.open();
        let (stays, goes) = (UserId::generate(), UserId::generate());
        let release = opened.occupy().await;
        let before = opened.add(&stays);
        let refused = spawn_insert_then(&opened, &goes, || Err(StorageError::AlreadyExists));
        let after = opened.add(&stays);
        yield_now().await;
        drop(release);
        before.await.unwrap().unwrap();
        after.await.unwrap().unwrap();
        assert!(matches!(refused.await.unwrap(), Err(StorageError::AlreadyExists)));
        assert_eq!(opened.count(&stays).await, 2, "{}", engine.name);
        assert_eq!(opened.count(&goes).await, 0, "{}", engine.name);
    }
}

#[tokio::test]
async fn a_panic_fails_its_own_piece_and_later_writes_work() {
    for engine in engines() {
        let opened = engine.open();
        let (stays, goes) = (UserId::generate(), UserId::generate());
        let release = opened.occupy().await;
        let before = opened.add(&stays);
        let panicking = spawn_insert_then(&opened, &goes, || panic!("a defect in a piece"));
        let after = opened.add(&stays);
        yield_now().await;
        drop(release);
        assert!(matches!(panicking.await.unwrap(), Err(StorageError::Query(_))));
        before.await.unwrap().unwrap();
        after.await.unwrap().unwrap();
        opened.add(&stays).await.unwrap().unwrap();
        assert_eq!(opened.count(&stays).await, 3, "{}", engine.name);
        assert_eq!(opened.count(&goes).await, 0, "{}", engine.name);
        assert!(!opened.storage.health().is_failing());
    }
}

#[tokio::test]
async fn a_piece_whose_asker_has_gone_is_run_only_where_it_is_to_be_in_any_case() {
    for engine in engines() {
        for in_any_case in [false, true] {
            let opened = engine.open();
            let release = opened.occupy().await;
            let (ran, storage) = (Arc::new(AtomicBool::new(false)), opened.storage.clone());
            let seen = ran.clone();
            let asker = tokio::spawn(async move {
                let work = move |_: &mut DbConnection| {
                    seen.store(true, Ordering::SeqCst);
                    Ok::<_, StorageError>(())
                };
                if in_any_case {
                    storage.write_to_the_end(work).await
                } else {
                    storage.write(work).await
                }
            });
            yield_now().await;
            asker.abort();
            assert!(asker.await.unwrap_err().is_cancelled());
            drop(release);
            // The queue is in order: when this one is through, so is the other.
            opened.add(&UserId::generate()).await.unwrap().unwrap();
            assert_eq!(ran.load(Ordering::SeqCst), in_any_case, "{}", engine.name);
        }
    }
}

#[tokio::test]
async fn an_asker_may_also_go_when_the_group_has_begun() {
    for engine in engines() {
        let opened = engine.open();
        let user = UserId::generate();
        // Two occupy the writer: the second stands in one group with what is added after it.
        let first = opened.occupy().await;
        let (second, begun) = opened.occupy_next();
        let abandoned = opened.add(&user);
        yield_now().await;
        drop(first);
        begun.await.unwrap();
        abandoned.abort();
        assert!(abandoned.await.unwrap_err().is_cancelled());
        drop(second);
        assert_eq!(opened.count(&user).await, 0, "{}", engine.name);
    }
}

#[tokio::test]
async fn a_queue_that_stays_full_answers_unavailable() {
    for engine in engines() {
        let limits =
            Limits { queue: 1, longest_wait: Duration::from_millis(50), ..Limits::default() };
        let opened = engine.open_with(limits);
        let user = UserId::generate();
        let release = opened.occupy().await;
        // One finds the one place; the other waits for it, and in vain.
        let (mut one, mut other) = (opened.add(&user), opened.add(&user));
        let (refused, waiting) = tokio::select! {
            outcome = &mut one => (outcome, other),
            outcome = &mut other => (outcome, one),
        };
        assert!(matches!(refused.unwrap(), Err(StorageError::Unavailable(_))), "{}", engine.name);
        drop(release);
        waiting.await.unwrap().unwrap();
        assert_eq!(opened.count(&user).await, 1, "{}", engine.name);
    }
}

fn spawn_insert_then(
    opened: &Opened,
    user: &UserId,
    end: impl Fn() -> Result<(), StorageError> + Send + 'static,
) -> tokio::task::JoinHandle<Result<(), StorageError>> {
    let (storage, user, now) = (opened.storage.clone(), user.clone(), opened.clock.now());
    tokio::spawn(async move {
        let work = move |conn: &mut DbConnection| {
            sessions::insert(conn, &user, &Arrival::by(Method::Password), now, now)?;
            end()
        };
        storage.write(work).await
    })
}
