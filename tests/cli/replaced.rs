//! A stand-in for the database of the provider that is replaced: its tables as they are published, and
//! what it writes into them.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

/// Its three tables. A branch of it, which keeps the resource at a refresh, has the same.
const TABLES: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE oauth_clients (client_id TEXT PRIMARY KEY, client_json TEXT NOT NULL, created_at REAL NOT NULL);
    CREATE TABLE oauth_codes (code TEXT PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
        redirect_uri_provided_explicitly INTEGER NOT NULL DEFAULT 1, code_challenge TEXT NOT NULL,
        scopes TEXT NOT NULL, expires_at REAL NOT NULL, resource TEXT);
    CREATE TABLE oauth_tokens (token TEXT PRIMARY KEY, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
        expires_at INTEGER, token_type TEXT NOT NULL, refresh_token TEXT, resource TEXT);";

pub struct Replaced {
    conn: SqliteConnection,
    now: i64,
}

impl Replaced {
    /// A new one, at this time.
    pub fn at(path: &Path, now: i64) -> Self {
        let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        conn.batch_execute(TABLES).unwrap();
        Self { conn, now }
    }

    pub fn run(&mut self, statements: &str) -> &mut Self {
        self.conn.batch_execute(statements).unwrap();
        self
    }

    /// A public client, with all the nulls that it writes.
    pub fn client(&mut self, id: &str) -> &mut Self {
        self.client_with(id, "none", "null")
    }

    /// A client with a secret, which is JSON.
    pub fn client_with(&mut self, id: &str, method: &str, secret: &str) -> &mut Self {
        let json = format!(
            r#"{{"redirect_uris":["http://127.0.0.1/callback"],"token_endpoint_auth_method":"{method}",
            "grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"mcp",
            "client_name":"Old {id}","client_uri":null,"logo_uri":null,"contacts":null,"tos_uri":null,
            "policy_uri":null,"jwks_uri":null,"jwks":null,"software_id":null,"software_version":null,
            "client_id":"{id}","client_secret":{secret},"client_id_issued_at":1700000000,
            "client_secret_expires_at":null}}"#
        );
        self.run(&format!("INSERT INTO oauth_clients VALUES ('{id}', '{json}', 1700000000.25)"))
    }

    /// A pair, with so many seconds to live. Each token ends in this digit, repeated.
    pub fn pair(
        &mut self,
        client: &str,
        digit: char,
        resource: &str,
        (access, refresh): (i64, i64),
    ) -> &mut Self {
        let (first, second) = (access_token(digit), refresh_token(digit));
        let (access, refresh) = (self.now + access, self.now + refresh);
        let rows = format!(
            "INSERT INTO oauth_tokens VALUES
             ('{first}', '{client}', '[\"mcp\"]', {access}, 'access', '{second}', {resource}),
             ('{second}', '{client}', '[\"mcp\"]', {refresh}, 'refresh', '{first}', {resource})"
        );
        self.run(&rows)
    }

    /// A code, with so many seconds to live.
    pub fn code(&mut self, client: &str, digit: char, challenge: &str, lives: i64) -> &mut Self {
        let (code, until) = (code(digit), self.now + lives);
        self.run(&format!(
            "INSERT INTO oauth_codes VALUES ('{code}', '{client}', 'http://127.0.0.1/callback', 1,
             '{challenge}', '[\"mcp\"]', {until}.75, NULL)"
        ))
    }
}

pub fn access_token(digit: char) -> String {
    format!("access_{}", digit.to_string().repeat(64))
}

pub fn refresh_token(digit: char) -> String {
    format!("refresh_{}", digit.to_string().repeat(64))
}

pub fn code(digit: char) -> String {
    format!("authcode_{}", digit.to_string().repeat(40))
}
