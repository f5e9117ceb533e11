//! SQLite's own ceiling: the same rows, written by prepared statements in a bare loop, in groups of
//! the same size, on the same disk, as durably.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

/// A copy of the database that is measured on, and how much is written at once, for how long.
pub(crate) struct Ceiling {
    conn: Connection,
    /// Keys grow, as those of the service do.
    last_id: Cell<i64>,
    now: i64,
}

/// How many pieces are in a transaction, and how long it goes on.
pub(crate) type Effort = (usize, Duration);

impl Ceiling {
    /// On a file of its own.
    pub(crate) fn on(database: &Path) -> Self {
        let conn = Connection::open(database).unwrap();
        conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY").unwrap();
        let mode: String =
            conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        let last =
            "SELECT max((SELECT max(id) FROM oauth_tokens), (SELECT max(id) FROM oauth_codes))";
        let last_id = conn.query_row(last, [], |row| row.get(0)).unwrap();
        let now = conn.query_row("SELECT unixepoch()", [], |row| row.get(0)).unwrap();
        Self { conn, last_id: Cell::new(last_id), now }
    }

    /// A refresh: its token is used, and a pair follows. How many in a second.
    pub(crate) fn rotations(&self, (group, length): Effort) -> f64 {
        let select = "SELECT id, grant_id FROM oauth_refresh_tokens WHERE used_at IS NULL LIMIT ?1";
        let mut tips = self.pairs_of(select, group);
        let mut using = self.conn.prepare(USE).unwrap();
        let mut pair = self.pair();
        self.rate((group, length), |n| {
            let (id, grant) = tips[n % group];
            let (refresh, access) = pair(grant, Some(id));
            using.execute(params![id, self.now, [7_u8; 32], refresh, access]).unwrap();
            tips[n % group] = (refresh, grant);
        })
    }

    /// A code becomes a grant with a pair.
    pub(crate) fn exchanges(&self, (group, length): Effort) -> f64 {
        let select = "SELECT id, 0 FROM oauth_codes WHERE redeemed_at IS NULL LIMIT ?1";
        let codes = self.pairs_of(select, group);
        let (client, user) = self.somebody();
        let [mut using, mut authorizing, mut granting, mut noting] =
            [REDEEM, AUTHORIZE, GRANT, EVENT].map(|sql| self.conn.prepare(sql).unwrap());
        let mut pair = self.pair();
        self.rate((group, length), |n| {
            let grant = self.draw();
            granting.execute(params![grant, client, user, self.now, RESOURCE]).unwrap();
            using.execute(params![codes[n % group].0, self.now, grant]).unwrap();
            authorizing.execute(params![user, self.now]).unwrap();
            noting.execute(params![self.now, "grant.created", client, user, grant]).unwrap();
            pair(grant, None);
        })
    }

    /// A client registers itself.
    pub(crate) fn registrations(&self, effort: Effort) -> f64 {
        let [mut insert, mut noting] = [CLIENT, EVENT].map(|sql| self.conn.prepare(sql).unwrap());
        self.rate(effort, |_| {
            // As scattered as random names.
            let id = format!("{:022x}", rand::random::<u128>() >> 40);
            let fingerprint: [u8; 32] = rand::random();
            let json = CLIENT_JSON;
            insert.execute(params![id, json, self.now, fingerprint, [7_u8; 32]]).unwrap();
            let none: Option<&str> = None;
            noting.execute(params![self.now, "client.registered", id, none, none]).unwrap();
        })
    }

    /// A grant is ended.
    pub(crate) fn revocations(&self, (group, length): Effort) -> f64 {
        let grants =
            self.pairs_of("SELECT id, 0 FROM oauth_grants ORDER BY id DESC LIMIT ?1", 4096);
        let (client, user) = self.somebody();
        let [mut ending, mut noting] = [REVOKE, EVENT].map(|sql| self.conn.prepare(sql).unwrap());
        self.rate((group, length), |n| {
            let grant = grants[n % grants.len()].0;
            // Ended once more each time around: the row and its indexes change again.
            ending.execute(params![grant, self.now + i64::try_from(n).unwrap()]).unwrap();
            noting.execute(params![self.now, "grant.revoked", client, user, grant]).unwrap();
        })
    }

    fn rate(&self, (group, length): Effort, mut piece: impl FnMut(usize)) -> f64 {
        let (begun, mut done) = (Instant::now(), 0);
        while begun.elapsed() < length {
            self.conn.execute_batch("BEGIN IMMEDIATE").unwrap();
            (done..done + group).for_each(&mut piece);
            self.conn.execute_batch("COMMIT").unwrap();
            done += group;
        }
        done as f64 / begun.elapsed().as_secs_f64()
    }

    /// Writes a pair of a grant, after a refresh token or not; the keys of refresh and access token.
    fn pair(&self) -> impl FnMut(i64, Option<i64>) -> (i64, i64) {
        let [mut refreshing, mut accessing] =
            [REFRESH, ACCESS].map(|sql| self.conn.prepare(sql).unwrap());
        move |grant, previous| {
            let (refresh, access) = (self.draw(), self.draw());
            let hash = [7_u8; 32];
            refreshing.execute(params![refresh, hash, grant, previous, self.now]).unwrap();
            accessing.execute(params![access, hash, grant, refresh, self.now]).unwrap();
            (refresh, access)
        }
    }

    fn draw(&self) -> i64 {
        self.last_id.set(self.last_id.get() + 1);
        self.last_id.get()
    }

    fn pairs_of(&self, select: &str, count: usize) -> Vec<(i64, i64)> {
        let mut select = self.conn.prepare(select).unwrap();
        let rows =
            select.query_map([i64::try_from(count).unwrap()], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn somebody(&self) -> (String, String) {
        let select = "SELECT client_id, user_id FROM oauth_grants LIMIT 1";
        self.conn.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }
}

const RESOURCE: &str = "https://wiki.example.org/mcp";
const CLIENT_JSON: &str = r#"{"redirect_uris":["http://127.0.0.1/callback"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"client_name":"App 123456"}"#;

const USE: &str = "UPDATE oauth_refresh_tokens
    SET used_at = ?2, salt = ?3, successor_id = ?4, access_id = ?5 WHERE id = ?1";
const REFRESH: &str = "INSERT INTO oauth_refresh_tokens (id, hash, grant_id, previous, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5)";
const ACCESS: &str = "INSERT INTO oauth_tokens
    (id, hash, grant_id, generation, scope, issued_at, expires_at)
    VALUES (?1, ?2, ?3, ?4, 'mcp', ?5, ?5)";
const REDEEM: &str = "UPDATE oauth_codes SET redeemed_at = ?2, grant_id = ?3 WHERE id = ?1";
const AUTHORIZE: &str = "UPDATE users SET last_authorized_at = ?2 WHERE id = ?1";
const GRANT: &str = "INSERT INTO oauth_grants
    (id, client_id, user_id, scope, resource, created_at, last_used_at, expires_at, tokens_until,
     last_used_address)
    VALUES (?1, ?2, ?3, 'mcp', ?5, ?4, ?4, ?4, ?4, '127.0.0.1')";
const EVENT: &str = "INSERT INTO events (at, kind, client_id, user_id, grant_id)
    VALUES (?1, ?2, ?3, ?4, ?5)";
const CLIENT: &str = "INSERT INTO oauth_clients
    (client_id, client_json, created_at, origin, name, fingerprint, registration_token_hash,
     registered_from, registered_at)
    VALUES (?1, ?2, ?3, 'registered', 'App 123456', ?4, ?5, '127.0.0.1', ?3)";
const REVOKE: &str = "UPDATE oauth_grants SET revoked_at = ?2, revoked_because = 'client'
    WHERE id = ?1";
