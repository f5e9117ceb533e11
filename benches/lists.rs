//! What the owner's lists cost, and what it takes to end everything, with very many rows.
//! `cargo bench --bench lists`, or with another number: `cargo bench --bench lists -- 1000000`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]

use std::time::{Duration, Instant};

use mcp_oauthd::accounts::setup::add_resource;
use mcp_oauthd::clients::registration::{Bounds, metadata};
use mcp_oauthd::clock::{Clock, UnixTime};
use mcp_oauthd::config::Database;
use mcp_oauthd::oauth::{ClientId, ClientMetadata, GrantId, IntrospectionId, ResourceUri, UserId};
use mcp_oauthd::revocation::ending;
use mcp_oauthd::storage::clients::{self, Client};
use mcp_oauthd::storage::grants::{self, Grant};
use mcp_oauthd::storage::lists::{self, At, Page};
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{
    ClientOrigin, DbConnection, Limits, Missing, Role, Storage, StorageError,
};

const RESOURCE: &str = "https://wiki.example.org/mcp";
const NOW: UnixTime = UnixTime(1_790_000_000);
const NOBODY: &str = "nobody";

#[tokio::main]
async fn main() {
    let rows = std::env::args().find_map(|word| word.parse::<i64>().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::File(folder.path().join("bench.db"));
    let clock = Clock::System;
    let storage = Storage::open(&database, Missing::Create, Limits::default(), clock).unwrap();
    let uri: ResourceUri = RESOURCE.parse().unwrap();
    let add = move |conn: &mut DbConnection| {
        add_resource(conn, &uri, (IntrospectionId::generate(), None), None, NOW)
    };
    storage.write(add).await.unwrap();
    for first in (0..rows).step_by(500) {
        let fill = move |conn: &mut DbConnection| fill(conn, first..(first + 500).min(rows));
        storage.write(fill).await.unwrap();
    }
    println!("{rows} people, clients and grants");
    people(&storage).await;
    clients_(&storage).await;
    grants_(&storage).await;
    let mark = |conn: &mut DbConnection| ending::of_resource(conn, None, NOW);
    let begun = Instant::now();
    storage.write(mark).await.unwrap();
    println!("{:10.2?}  all grants ended, for whoever asks", begun.elapsed());
    let ended = ending::settle(&storage, NOW).await.unwrap();
    println!("{:10.2?}  and written into {ended} rows", begun.elapsed());
}

fn fill(conn: &mut DbConnection, which: std::ops::Range<i64>) -> Result<(), StorageError> {
    let metadata = client();
    for n in which {
        // Names and keys in no order, so that rows lie scattered.
        let mixed = n.wrapping_mul(7_919) % 1_000_003;
        let name = format!("person{mixed:07}.{n}@example.org");
        let user = User {
            password_hash: Some("x".repeat(97)),
            last_signed_in_at: (n % 3 > 0).then_some(UnixTime(NOW.0 - mixed)),
            ..User::new(UserId::generate(), name, Role::Member, UnixTime(NOW.0 - n))
        };
        users::insert(conn, &user)?;
        let client = Client {
            authorized_at: Some(NOW),
            last_used_at: (n % 2 > 0).then_some(UnixTime(NOW.0 - mixed)),
            name: format!("Agent {mixed}"),
            ..Client::new(
                ClientId::generate(),
                metadata.clone(),
                ClientOrigin::Registered,
                UnixTime(NOW.0 - n),
            )
        };
        clients::insert(conn, &client)?;
        grants::insert(conn, |id| grant(id, &user, &client, mixed))?;
    }
    Ok(())
}

fn client() -> ClientMetadata {
    let bounds = Bounds { redirect_uris: 10, string: 1000, unused_clients: 5 };
    let body = r#"{"redirect_uris":["https://app.example/cb","http://127.0.0.1/cb"],
        "client_name":"An agent of some kind","client_uri":"https://app.example/about"}"#;
    metadata(body.as_bytes(), &bounds).unwrap()
}

fn grant(id: GrantId, user: &User, client: &Client, mixed: i64) -> Grant {
    Grant {
        id,
        client_id: client.client_id.clone(),
        user_id: user.id.clone(),
        scope: "mcp read".parse().unwrap(),
        resource: RESOURCE.parse().unwrap(),
        created_at: NOW,
        last_used_at: UnixTime(NOW.0 - mixed),
        expires_at: UnixTime(NOW.0 * 2),
        tokens_until: UnixTime(NOW.0 * 2),
        revoked_at: None,
        revoked_because: None,
        last_used_address: Some("203.0.113.7".to_owned()),
        imported: false,
    }
}

async fn people(storage: &Storage) {
    use lists::people::{Narrowing, Order, State, page};
    for order in [Order::Name, Order::Newest, Order::LastSignedIn] {
        let all = Narrowing::default();
        let name = |what: &str| format!("people by {order:?}: {what}");
        each(storage, &name("every page"), |conn, at| page(conn, &all, order, at)).await;
        let search = Narrowing { search: NOBODY.to_owned(), ..Narrowing::default() };
        each(storage, &name("no such name"), |conn, at| page(conn, &search, order, at)).await;
        let owners = Narrowing { role: Some(Role::Owner), ..Narrowing::default() };
        each(storage, &name("no owner"), |conn, at| page(conn, &owners, order, at)).await;
        let off = Narrowing { state: Some(State::Disabled), ..Narrowing::default() };
        each(storage, &name("none disabled"), |conn, at| page(conn, &off, order, at)).await;
    }
}

async fn clients_(storage: &Storage) {
    use lists::clients::{Narrowing, Order, State, page};
    for order in [Order::Name, Order::Newest, Order::LastUsed] {
        let all = Narrowing::default();
        let name = |what: &str| format!("clients by {order:?}: {what}");
        each(storage, &name("every page"), |conn, at| page(conn, &all, order, at)).await;
        let search = Narrowing { search: NOBODY.to_owned(), ..Narrowing::default() };
        each(storage, &name("no such name"), |conn, at| page(conn, &search, order, at)).await;
        let off = Narrowing { state: Some(State::Disabled), ..Narrowing::default() };
        each(storage, &name("none disabled"), |conn, at| page(conn, &off, order, at)).await;
        let configured =
            Narrowing { origin: Some(ClientOrigin::Configured), ..Narrowing::default() };
        each(storage, &name("none configured"), |conn, at| page(conn, &configured, order, at))
            .await;
    }
}

async fn grants_(storage: &Storage) {
    use lists::grants::{Narrowing, Order, State, page};
    for order in [Order::Newest, Order::LastUsed] {
        let all = Narrowing::default();
        let name = |what: &str| format!("grants by {order:?}: {what}");
        each(storage, &name("every page"), |conn, at| page(conn, &all, order, (at, NOW))).await;
        for search in [NOBODY, "person00", "agent", "person0000001"] {
            let search = Narrowing { search: search.to_owned(), ..Narrowing::default() };
            let what = name(&format!("like {}", search.search));
            each(storage, &what, |conn, at| page(conn, &search, order, (at, NOW))).await;
        }
        let ended = Narrowing { state: State::Ended, ..Narrowing::default() };
        each(storage, &name("none ended"), |conn, at| page(conn, &ended, order, (at, NOW))).await;
        let resource = Some(RESOURCE.parse().unwrap());
        let here = Narrowing { resource, ..Narrowing::default() };
        each(storage, &name("of the resource"), |conn, at| page(conn, &here, order, (at, NOW)))
            .await;
        let resource = Some("https://nowhere.example".parse().unwrap());
        let there = Narrowing { resource, ..Narrowing::default() };
        each(storage, &name("of no resource"), |conn, at| page(conn, &there, order, (at, NOW)))
            .await;
    }
}

/// For how long this thread has been at work, whatever else the machine does.
fn busy() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
}

/// The slowest of up to 200 pages, each the quickest of three. Reads run on this thread.
async fn each<T>(
    storage: &Storage,
    what: &str,
    page: impl Fn(&mut DbConnection, &At) -> Result<Page<T>, StorageError> + Send + Sync,
) {
    let (mut at, mut slowest, mut pages) = (At::start(50), Duration::ZERO, 0);
    loop {
        let mut quickest = Duration::MAX;
        let mut next = None;
        for _ in 0..3 {
            let begun = busy();
            next = storage.read(|conn| page(conn, &at)).await.unwrap().next;
            quickest = quickest.min(busy().saturating_sub(begun));
        }
        (slowest, pages) = (slowest.max(quickest), pages + 1);
        at.after = next;
        if at.after.is_none() || pages == 200 {
            break;
        }
    }
    println!("{slowest:10.2?}  {what} ({pages} pages)");
}
