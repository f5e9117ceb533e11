//! The record of decisions is followed by ids: every event is seen, and told by one.

use mcp_oauthd::clock::{Seconds, UnixTime};
use mcp_oauthd::oauth::ClientId;
use mcp_oauthd::storage::clients::{self, Client};
use mcp_oauthd::storage::events::{self, Event, Subject};
use mcp_oauthd::storage::notification_channels::{self, Cursor};
use mcp_oauthd::storage::{ClientOrigin, DbConnection, Storage, StorageError};

use crate::engines::engines;

async fn write<T: Send + 'static>(
    storage: &Storage,
    work: impl Fn(&mut DbConnection) -> Result<T, StorageError> + Send + 'static,
) -> T {
    storage.write(work).await.unwrap()
}

async fn cursor(storage: &Storage) -> Cursor {
    let found = storage.read(|conn| notification_channels::find(conn, "mail")).await;
    let found: Result<_, StorageError> = found;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn a_cursor_is_moved_by_one_of_those_who_have_read_it() {
    for engine in engines() {
        let opened = engine.open();
        let storage = &opened.storage;
        write(storage, |conn| notification_channels::begin(conn, "mail", 5)).await;
        write(storage, |conn| notification_channels::begin(conn, "mail", 9)).await;
        let before = cursor(storage).await;
        assert_eq!(before.event_id, 5, "{}: begun once", engine.name);
        let contenders = (0..20).map(|n| {
            let (storage, from) = (storage.clone(), before.clone());
            let claim = move |conn: &mut DbConnection| {
                notification_channels::advance(conn, &from, 5, 1, UnixTime(100 + n))
            };
            tokio::spawn(async move { storage.write::<bool, StorageError>(claim).await.unwrap() })
        });
        let mut winners = 0;
        for contender in contenders.collect::<Vec<_>>() {
            winners += usize::from(contender.await.unwrap());
        }
        assert_eq!(winners, 1, "{}", engine.name);
        let claimed = cursor(storage).await;
        let back = claimed.clone();
        let settle = move |conn: &mut DbConnection| {
            notification_channels::advance(conn, &back, 6, 0, UnixTime(0))
        };
        assert!(write(storage, settle).await, "{}", engine.name);
        assert_eq!((cursor(storage).await.event_id, claimed.attempts), (6, 1));
    }
}

#[tokio::test]
async fn a_channel_that_is_switched_off_is_forgotten() {
    for engine in engines() {
        let opened = engine.open();
        write(&opened.storage, |conn| {
            notification_channels::begin(conn, "mail", 5)?;
            notification_channels::begin(conn, "ntfy", 5)?;
            notification_channels::forget_others(conn, &["mail"])
        })
        .await;
        assert_eq!(cursor(&opened.storage).await.event_id, 5);
        write(&opened.storage, |conn| notification_channels::begin(conn, "ntfy", 8)).await;
        let ntfy = opened.storage.read(|conn| notification_channels::find(conn, "ntfy")).await;
        let ntfy: Result<_, StorageError> = ntfy;
        assert_eq!(ntfy.unwrap().unwrap().event_id, 8, "{}", engine.name);
    }
}

#[tokio::test]
async fn only_the_kinds_that_are_asked_for_are_seen_in_their_order() {
    for engine in engines() {
        let opened = engine.open();
        let now = opened.clock.now();
        write(&opened.storage, move |conn| {
            for kind in [Event::SignedIn, Event::LockedOut, Event::SignedIn, Event::GrantCreated] {
                events::record(conn, kind, Subject::default(), now)?;
            }
            Ok(())
        })
        .await;
        let kinds = [Event::GrantCreated, Event::LockedOut];
        let seen = opened.storage.read(|conn| events::after(conn, 0, &kinds, 9)).await;
        let seen: Result<Vec<_>, StorageError> = seen;
        let seen: Vec<_> =
            seen.unwrap().iter().map(|(id, event)| (*id, event.kind.known().unwrap())).collect();
        assert_eq!(seen, [(2, Event::LockedOut), (4, Event::GrantCreated)], "{}", engine.name);
        let one = opened.storage.read(|conn| events::after(conn, 2, &kinds, 1)).await;
        let one: Result<Vec<_>, StorageError> = one;
        assert_eq!(one.unwrap()[0].0, 4);
        let last = opened.storage.read(|conn| events::last_of(conn, 0, &[Event::SignedIn])).await;
        let last: Result<_, StorageError> = last;
        assert_eq!(last.unwrap(), Some(Event::SignedIn));
    }
}

/// SQLite gives the id of the last row again when that row is gone.
#[tokio::test]
async fn no_id_is_given_twice_whatever_is_deleted() {
    for engine in engines() {
        let opened = engine.open();
        let now = opened.clock.now();
        let newest = async || {
            let newest: Result<i64, StorageError> = opened.storage.read(events::newest).await;
            newest.unwrap()
        };
        let one_more = move |conn: &mut DbConnection| {
            events::record(conn, Event::SignedIn, Subject::default(), now)
        };
        write(&opened.storage, one_more).await;
        write(&opened.storage, move |conn| {
            let id: ClientId = "mcpc1".parse().unwrap();
            clients::insert(conn, &unused(&id, now))?;
            clients::set_registered(conn, &id, clients::SEVERAL, now)?;
            events::record(conn, Event::ClientRegistered, Subject::client(&id), now)
        })
        .await;
        let before = newest().await;
        let later = now + Seconds(1000);
        let deleted = write(&opened.storage, move |conn| clients::delete_unused(conn, later, 9));
        assert_eq!(deleted.await, 1, "{}", engine.name);
        write(&opened.storage, one_more).await;
        assert!(newest().await > before, "{}", engine.name);
        let before = newest().await;
        write(&opened.storage, move |conn| events::delete_old(conn, later, 99)).await;
        write(&opened.storage, one_more).await;
        assert!(newest().await > before, "{}", engine.name);
    }
}

fn unused(id: &ClientId, now: UnixTime) -> Client {
    let metadata = r#"{"redirect_uris": ["https://c.example/cb"], "grant_types": [],
        "token_endpoint_auth_method": "none", "response_types": []}"#;
    Client::new(id.clone(), metadata.parse().unwrap(), ClientOrigin::Registered, now)
}
