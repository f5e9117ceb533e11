//! The database that is measured on: filled once through the storage's own functions, and kept for
//! the next run. Whatever is to be written to is a copy.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use mcp_oauthd::accounts::Username;
use mcp_oauthd::accounts::password::{NewPassword, Passwords};
use mcp_oauthd::accounts::setup::add_resource;
use mcp_oauthd::clients::registration::{Bounds, metadata, register};
use mcp_oauthd::clock::{Clock, Seconds, UnixTime};
use mcp_oauthd::config::Database;
use mcp_oauthd::oauth::{ClientId, TokenHash, TokenKind, TokenSecret, UserId};
use mcp_oauthd::storage::access_tokens::{self, AccessToken};
use mcp_oauthd::storage::codes::{self, Code};
use mcp_oauthd::storage::grants::{self, Grant};
use mcp_oauthd::storage::refresh_tokens::{self, RefreshToken};
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{
    ClientOrigin, DbConnection, Limits, Missing, Role, Storage, StorageError,
};
use secrecy::SecretString;

/// Where everything of the benchmark goes.
pub(crate) const FOLDER: &str = "target/bench-data";
/// Of the resource `wiki`.
pub(crate) const SECRET: &str = "a-secret-of-the-wiki";
pub(crate) const USERNAME: &str = "person0";
pub(crate) const PASSWORD: &str = "correct-horse-battery";
/// What redeems every code.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636 appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const RESOURCE: &str = "https://wiki.example.org/mcp";
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";
/// People, and as many clients.
const PEOPLE: usize = 1000;
/// The most tokens that somebody asks about.
const HOT: usize = 100_000;
/// Says what the file is like: another number makes it anew.
const VERSION: u32 = 1;
/// In seconds.
const DAY: i64 = 86_400;

/// What an app holds.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) client_id: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// A filled database.
pub(crate) struct Data {
    pub(crate) database: PathBuf,
    /// Tokens that are asked about, spread evenly over all that there are.
    pub(crate) logins: Vec<Login>,
}

impl Data {
    /// With so many live access tokens, each with its grant and refresh token.
    pub(crate) fn with(tokens: usize) -> Self {
        let folder = Path::new(FOLDER).join(format!("{tokens}-tokens-{VERSION}"));
        let (database, list) = (folder.join("bench.db"), folder.join("logins"));
        if !list.exists() {
            let _none = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            let begun = Instant::now();
            let logins = run(fill(&database, tokens));
            fs::write(&list, logins).unwrap();
            eprintln!("{tokens} tokens were made in {:.0?}", begun.elapsed());
        }
        // One from before an update of the schema: that is not what is measured.
        run(async { open(&database, Clock::System).close().await });
        let login = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let [client_id, access, refresh] = words.try_into().unwrap();
            Login { client_id, access, refresh }
        };
        Self { database, logins: fs::read_to_string(list).unwrap().lines().map(login).collect() }
    }

    /// All access tokens that are asked about.
    pub(crate) fn access_tokens(&self) -> Arc<Vec<String>> {
        Arc::new(self.logins.iter().map(|login| login.access.clone()).collect())
    }

    /// A copy to write to, with this name.
    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let copy = Path::new(FOLDER).join(format!("{name}.db"));
        for suffix in ["-wal", "-shm"] {
            let _none = fs::remove_file(format!("{}{suffix}", copy.display()));
        }
        fs::copy(&self.database, &copy).unwrap();
        copy
    }
}

/// Puts codes into a database that nobody serves: all for one client.
pub(crate) fn add_codes(database: &Path, count: usize) -> (String, Vec<String>) {
    run(async {
        let storage = open(database, Clock::System);
        let somebody = somebody(&storage).await;
        let client_id = somebody.0.to_string();
        let work = move |conn: &mut DbConnection| {
            (0..500).map(|_| code(conn, &somebody)).collect::<Result<Vec<_>, StorageError>>()
        };
        let mut made = vec![];
        while made.len() < count {
            made.extend(storage.write(work.clone()).await.unwrap());
        }
        storage.close().await;
        (client_id, made)
    })
}

/// Puts logins into a database that nobody serves, which were over a month ago.
pub(crate) fn add_dead(database: &Path, count: usize) {
    let clock = Clock::manual();
    clock.advance(Seconds(-70 * DAY));
    let then = clock.now();
    run(async {
        let storage = open(database, clock);
        let people = Arc::new(vec![somebody(&storage).await]);
        add_logins(&storage, &people, count, (then, then + Seconds(30 * DAY))).await;
        storage.close().await;
    });
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

fn open(database: &Path, clock: Clock) -> Storage {
    let database = Database::File(database.to_owned());
    Storage::open(&database, Missing::Create, Limits::default(), clock).unwrap()
}

/// Whoever has the newest grant.
async fn somebody(storage: &Storage) -> (ClientId, UserId) {
    let last = |conn: &mut DbConnection| {
        let last = grants::last(conn)?;
        grants::find(conn, last)
    };
    let grant = storage.read::<_, StorageError>(last).await.unwrap().unwrap();
    (grant.client_id, grant.user_id)
}

async fn fill(database: &Path, tokens: usize) -> String {
    let storage = open(database, Clock::System);
    let name: Username = Username::parse(USERNAME).unwrap();
    let password = NewPassword::parse(SecretString::from(PASSWORD), &name).unwrap();
    let hashed = Passwords::new(1).unwrap().hash(password).await.unwrap();
    let people = move |conn: &mut DbConnection| people(conn, hashed.as_str());
    let people = Arc::new(storage.write(people).await.unwrap());
    let logins = add_logins(&storage, &people, tokens, times()).await;
    storage.close().await;
    logins
}

/// The lines of those that are asked about.
async fn add_logins(
    storage: &Storage,
    people: &Arc<Vec<(ClientId, UserId)>>,
    count: usize,
    times: (UnixTime, UnixTime),
) -> String {
    let (every, mut logins) = (count.div_ceil(HOT), String::new());
    for first in (0..count).step_by(500) {
        let (people, last) = (people.clone(), (first + 500).min(count));
        let work = move |conn: &mut DbConnection| -> Result<_, StorageError> {
            let mut lines = String::new();
            for n in first..last {
                // In no order, so that the indexes are written to everywhere.
                let line = login(conn, &people[n.wrapping_mul(7919) % people.len()], times)?;
                if n % every == 0 {
                    lines.push_str(&line);
                }
            }
            Ok(lines)
        };
        logins.push_str(&storage.write(work).await.unwrap());
    }
    logins
}

/// People with a client each, and the resource; all have the same password.
fn people(
    conn: &mut DbConnection,
    password_hash: &str,
) -> Result<Vec<(ClientId, UserId)>, StorageError> {
    let now = Clock::System.now();
    let named = ("wiki".parse().unwrap(), None);
    let hash = TokenHash::of(SECRET);
    add_resource(conn, &RESOURCE.parse().unwrap(), named, Some(&hash), now)?;
    let bounds = Bounds { redirect_uris: 9, string: 999, unused_clients: 9999 };
    let one = |n| {
        let mut user = User::new(UserId::generate(), format!("person{n}"), Role::Owner, now);
        user.password_hash = Some(password_hash.to_owned());
        users::insert(conn, &user)?;
        let body = format!(
            r#"{{"redirect_uris":["{REDIRECT_URI}"],"token_endpoint_auth_method":"none","client_name":"App {n}"}}"#
        );
        let metadata = metadata(body.as_bytes(), &bounds).unwrap();
        let client = register(conn, &metadata, ClientOrigin::Configured, &bounds, now)?.client;
        Ok((client.client_id, user.id))
    };
    (0..PEOPLE).map(one).collect()
}

/// A grant and a pair of tokens that the app has used before: a line of the list.
fn login(
    conn: &mut DbConnection,
    (client_id, user_id): &(ClientId, UserId),
    (now, until): (UnixTime, UnixTime),
) -> Result<String, StorageError> {
    let grant = grants::insert(conn, |id| Grant {
        id,
        client_id: client_id.clone(),
        user_id: user_id.clone(),
        scope: "mcp".parse().unwrap(),
        resource: RESOURCE.parse().unwrap(),
        created_at: now,
        last_used_at: now,
        expires_at: until,
        tokens_until: until,
        revoked_at: None,
        revoked_because: None,
        last_used_address: Some("127.0.0.1".to_owned()),
        imported: false,
    })?;
    let refresh = refresh_tokens::insert(conn, |id| {
        let secret = TokenSecret::generate(TokenKind::Refresh, id);
        let row = RefreshToken {
            id,
            hash: secret.hash(),
            grant_id: grant.id,
            previous: None,
            expires_at: until,
            used_at: None,
            salt: None,
            successor_id: None,
            access_id: None,
            confirmed_at: Some(now),
        };
        (secret, row)
    })?;
    let access = access_tokens::insert(conn, |id| {
        let secret = TokenSecret::generate(TokenKind::Access, id);
        let row = AccessToken {
            id,
            hash: secret.hash(),
            grant_id: grant.id,
            generation: Some(refresh.id()),
            scope: grant.scope.clone(),
            issued_at: now,
            expires_at: until,
        };
        (secret, row)
    })?;
    Ok(format!("{client_id} {} {}\n", access.reveal(), refresh.reveal()))
}

fn code(
    conn: &mut DbConnection,
    (client_id, user_id): &(ClientId, UserId),
) -> Result<String, StorageError> {
    let code = codes::insert(conn, |id| {
        let secret = TokenSecret::generate(TokenKind::Code, id);
        let row = Code {
            id,
            hash: secret.hash(),
            client_id: client_id.clone(),
            user_id: user_id.clone(),
            redirect_uri: REDIRECT_URI.parse().unwrap(),
            code_challenge: CHALLENGE.parse().unwrap(),
            scope: "mcp".parse().unwrap(),
            resource: RESOURCE.parse().unwrap(),
            expires_at: times().1,
            redeemed_at: None,
            grant_id: None,
        };
        (secret, row)
    })?;
    Ok(code.reveal())
}

/// Now, and when everything ends.
fn times() -> (UnixTime, UnixTime) {
    let now = Clock::System.now();
    (now, now + Seconds(365 * DAY))
}
