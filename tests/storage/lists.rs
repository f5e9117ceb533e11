//! Lists for people: every row once, in order, while others are added and removed.

use std::collections::BTreeSet;
use std::fmt::Debug;

use mcp_oauthd::clients::registration::{Bounds, metadata};
use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::oauth::{ClientId, GrantId, UserId};
use mcp_oauthd::storage::clients::{self, Client};
use mcp_oauthd::storage::grants::{self, Grant};
use mcp_oauthd::storage::lists::{self, At, Page};
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{
    ClientOrigin, DbConnection, RevokedBecause, Role, Storage, StorageError,
};

use crate::engines::engines;

const NOW: UnixTime = UnixTime(1_790_000_000);
const ROWS: i64 = 23;

fn person(n: i64) -> User {
    User {
        // Few times for many rows, and some that never were.
        last_signed_in_at: (n % 3 > 0).then_some(UnixTime(NOW.0 + n % 2)),
        disabled_at: (n % 5 == 0).then_some(NOW),
        ..User::new(
            UserId::generate(),
            format!("person_{}.{n}", (n * 7) % ROWS),
            if n % 4 == 0 { Role::Owner } else { Role::Member },
            UnixTime(NOW.0 + n / 6),
        )
    }
}

fn client(n: i64) -> Client {
    let bounds = Bounds { redirect_uris: 10, string: 1000, unused_clients: 5 };
    let body = br#"{"redirect_uris":["https://app.example/cb"]}"#;
    let origin = if n % 4 == 0 { ClientOrigin::Configured } else { ClientOrigin::Registered };
    let (metadata, created_at) = (metadata(body, &bounds).unwrap(), UnixTime(NOW.0 + n / 6));
    Client {
        authorized_at: (n % 3 > 0).then_some(NOW),
        last_used_at: (n % 3 > 0).then_some(UnixTime(NOW.0 + n % 2)),
        disabled_at: (n % 5 == 0).then_some(NOW),
        name: ["Agent", "agent", "", "100% Bot"][usize::try_from(n % 4).unwrap()].to_owned(),
        ..Client::new(ClientId::generate(), metadata, origin, created_at)
    }
}

fn grant(id: GrantId, n: i64, user: &User, client: &Client) -> Grant {
    let uri = ["https://a.example/mcp", "https://A.example/mcp", "https://b.example"];
    Grant {
        id,
        client_id: client.client_id.clone(),
        user_id: user.id.clone(),
        scope: "mcp".parse().unwrap(),
        resource: uri[usize::try_from(n % 3).unwrap()].parse().unwrap(),
        created_at: NOW,
        last_used_at: UnixTime(NOW.0 + n % 2),
        expires_at: UnixTime(NOW.0 + n),
        tokens_until: UnixTime(NOW.0 + n),
        revoked_at: (n % 5 == 0).then_some(NOW),
        revoked_because: (n % 5 == 0).then_some(RevokedBecause::Operator),
        last_used_address: None,
        imported: false,
    }
}

async fn write<T: Send + 'static>(
    storage: &Storage,
    work: impl Fn(&mut DbConnection) -> Result<T, StorageError> + Send + 'static,
) -> T {
    storage.write(work).await.unwrap()
}

/// Everybody and everything; whom the grants are about have the same number.
async fn fill(storage: &Storage) -> (Vec<User>, Vec<Client>, Vec<Grant>) {
    write(storage, |conn| {
        let (mut people, mut apps, mut all) = (vec![], vec![], vec![]);
        for n in 0..ROWS {
            let (user, client) = (person(n), client(n));
            users::insert(conn, &user)?;
            clients::insert(conn, &client)?;
            all.push(grants::insert(conn, |id| grant(id, n, &user, &client))?);
            people.push(user);
            apps.push(client);
        }
        Ok((people, apps, all))
    })
    .await
}

/// Every row, by pages of four; `between` happens after each page.
async fn walk<T, F: Future<Output = ()>>(
    storage: &Storage,
    page: impl Fn(&mut DbConnection, &At) -> Result<Page<T>, StorageError> + Send + Sync,
    between: impl Fn() -> F,
) -> Vec<T> {
    let (mut at, mut all) = (At::start(4), vec![]);
    loop {
        let found = storage.read(|conn| page(conn, &at)).await.unwrap();
        assert!(found.rows.len() <= 4);
        all.extend(found.rows);
        let Some(next) = found.next else { return all };
        // As through a URL.
        at.after = Some(next.to_string().parse().unwrap());
        assert!(all.len() < 500, "it never ends");
        between().await;
    }
}

fn assert_once<K: Ord + Debug + Clone>(expected: Vec<K>, found: Vec<K>, what: &str) {
    let expected: BTreeSet<K> = expected.into_iter().collect();
    let found: Vec<K> = found.into_iter().filter(|key| expected.contains(key)).collect();
    let once: BTreeSet<K> = found.iter().cloned().collect();
    assert_eq!(found.len(), once.len(), "{what}: a row came twice");
    assert_eq!(once, expected, "{what}: a row is missing");
}

#[tokio::test]
async fn every_person_is_listed_once_while_others_arrive() {
    use lists::people::{Narrowing, Order, page};
    for engine in engines() {
        for order in [Order::Name, Order::Newest, Order::LastSignedIn] {
            let opened = engine.open();
            let (people, ..) = fill(&opened.storage).await;
            let all = Narrowing::default();
            let arrive = || async {
                for n in 0..3 {
                    let other = User { username: UserId::generate().to_string(), ..person(n) };
                    write(&opened.storage, move |conn| users::insert(conn, &other)).await;
                }
            };
            let found = walk(&opened.storage, |conn, at| page(conn, &all, order, at), arrive).await;
            let (names, expected) = (
                found.iter().map(|user| user.username.clone()).collect::<Vec<_>>(),
                people.iter().map(|user| user.username.clone()).collect(),
            );
            assert_once(expected, names.clone(), &format!("{} {order:?}", engine.name));
            let times = |of: fn(&User) -> UnixTime| found.iter().map(of).collect::<Vec<_>>();
            assert!(match order {
                Order::Name => names.is_sorted(),
                Order::Newest => times(|user| user.created_at).is_sorted_by(|a, b| a >= b),
                Order::LastSignedIn => times(|user| user.last_signed_in_at.unwrap_or(UnixTime(0)))
                    .is_sorted_by(|a, b| a >= b),
            });
        }
    }
}

#[tokio::test]
async fn every_client_is_listed_once_while_others_arrive() {
    use lists::clients::{Narrowing, Order, page};
    for engine in engines() {
        for order in [Order::Name, Order::Newest, Order::LastUsed] {
            let opened = engine.open();
            let (_, apps, _) = fill(&opened.storage).await;
            let all = Narrowing::default();
            let arrive = || async {
                for n in 0..3 {
                    let other = client(n);
                    write(&opened.storage, move |conn| clients::insert(conn, &other)).await;
                }
            };
            let found = walk(&opened.storage, |conn, at| page(conn, &all, order, at), arrive).await;
            let ids = |apps: &[Client]| {
                apps.iter().map(|client| client.client_id.to_string()).collect::<Vec<_>>()
            };
            assert_once(ids(&apps), ids(&found), &format!("{} {order:?}", engine.name));
            if order == Order::Name {
                assert!(found.is_sorted_by_key(|client| client.name.to_lowercase()));
            }
        }
    }
}

#[tokio::test]
async fn every_grant_is_listed_once_while_others_are_made_and_ended() {
    use lists::grants::{Narrowing, Order, State, page};
    for engine in engines() {
        for order in [Order::Newest, Order::LastUsed] {
            let opened = engine.open();
            let (people, apps, all) = fill(&opened.storage).await;
            let any = Narrowing { state: State::Any, ..Narrowing::default() };
            let arrive = || async {
                let (user, client) = (people[0].clone(), apps[0].clone());
                let add = move |conn: &mut DbConnection| {
                    grants::insert(conn, |id| grant(id, 1, &user, &client))
                };
                let added = write(&opened.storage, add).await.id;
                let because = RevokedBecause::Operator;
                write(&opened.storage, move |conn| grants::revoke(conn, added, because, NOW)).await;
            };
            let narrowed = |conn: &mut DbConnection, at: &At| page(conn, &any, order, (at, NOW));
            let found = walk(&opened.storage, narrowed, arrive).await;
            assert_once(
                all.iter().map(|grant| grant.id).collect(),
                found.iter().map(|row| row.grant.id).collect(),
                &format!("{} {order:?}", engine.name),
            );
            let first = found.iter().find(|row| row.grant.id == all[3].id).unwrap();
            assert_eq!(first.username.as_deref(), Some(people[3].username.as_str()));
            assert_eq!(first.client, Some(("100% Bot".to_owned(), ClientOrigin::Registered)));
        }
    }
}

#[tokio::test]
async fn lists_are_narrowed_and_searched_as_typed() {
    let opened = engines()[0].open();
    let (people, apps, all) = fill(&opened.storage).await;
    let at = At::start(100);
    let storage = &opened.storage;

    let count = async |narrowing: lists::people::Narrowing| {
        let order = lists::people::Order::Newest;
        storage.read(|conn| lists::people::page(conn, &narrowing, order, &at)).await.unwrap()
    };
    let search =
        |text: &str| lists::people::Narrowing { search: text.to_owned(), ..Default::default() };
    assert_eq!(count(search("PERSON_")).await.rows.len(), 23);
    assert_eq!(count(search("person%")).await.rows.len(), 0, "it is no pattern");
    assert_eq!(count(search("' OR 1=1")).await.rows.len(), 0);
    let owners = lists::people::Narrowing {
        role: Some(Role::Owner),
        state: Some(lists::people::State::New),
        ..Default::default()
    };
    let expected = people.iter().filter(|user| {
        user.role == Role::Owner && user.disabled_at.is_none() && user.last_signed_in_at.is_none()
    });
    assert_eq!(count(owners).await.rows.len(), expected.count());

    let bots = lists::clients::Narrowing { search: "100% b".to_owned(), ..Default::default() };
    let order = lists::clients::Order::LastUsed;
    let found = storage.read(|conn| lists::clients::page(conn, &bots, order, &at)).await.unwrap();
    assert_eq!(found.rows.len(), apps.iter().filter(|app| app.name == "100% Bot").count());

    let grants = async |narrowing: lists::grants::Narrowing| {
        let order = lists::grants::Order::LastUsed;
        let page =
            |conn: &mut DbConnection| lists::grants::page(conn, &narrowing, order, (&at, NOW));
        let found = storage.read(page).await.unwrap().rows;
        found.into_iter().map(|row| row.grant.id).collect::<BTreeSet<_>>()
    };
    let expected = |which: &dyn Fn(&Grant) -> bool| {
        all.iter().filter(|grant| which(grant)).map(|grant| grant.id).collect::<BTreeSet<_>>()
    };
    let live = expected(&|grant| grant.is_live(NOW));
    assert_eq!(grants(lists::grants::Narrowing::default()).await, live);
    let there = lists::grants::Narrowing {
        resource: Some("https://a.EXAMPLE/mcp".parse().unwrap()),
        state: lists::grants::State::Any,
        ..Default::default()
    };
    let a = |grant: &Grant| grant.resource.canonical() == "https://a.example/mcp";
    assert_eq!(grants(there).await, expected(&a), "in every spelling");
    let of = lists::grants::Narrowing {
        search: people[7].username.clone(),
        state: lists::grants::State::Any,
        ..Default::default()
    };
    assert_eq!(grants(of).await, expected(&|grant| grant.user_id == people[7].id));
}
