-- Every table of the first version. Times are Unix seconds and come from the program. Token tables
-- have no secondary index and no REFERENCES: their rows are appended and found by key.

-- What this schema is, and the oldest version of the program's schema that may still use it.
CREATE TABLE schema_version (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    version BIGINT NOT NULL,
    oldest_allowed BIGINT NOT NULL
);
INSERT INTO schema_version (id, version, oldest_allowed) VALUES (1, 1, 1);

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_authorized_at BIGINT,
    disabled_at BIGINT
);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    user_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE one_time_links (
    id INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    purpose TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE resources (
    id TEXT PRIMARY KEY NOT NULL,
    uri TEXT NOT NULL,
    canonical TEXT NOT NULL UNIQUE,
    name TEXT,
    secret_hash BLOB,
    previous_secret_hash BLOB,
    previous_secret_until BIGINT,
    created_at BIGINT NOT NULL,
    position BIGINT NOT NULL
);

CREATE TABLE oauth_clients (
    client_id TEXT PRIMARY KEY NOT NULL,
    client_json TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    secret_hash BLOB,
    origin TEXT NOT NULL,
    authorized_at BIGINT,
    last_used_at BIGINT,
    disabled_at BIGINT
);
CREATE INDEX oauth_clients_unused ON oauth_clients (created_at) WHERE authorized_at IS NULL;

CREATE TABLE authorization_requests (
    id INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    state TEXT,
    code_challenge TEXT NOT NULL,
    scope TEXT NOT NULL,
    resource TEXT NOT NULL,
    fresh_sign_in BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_at BIGINT,
    code_id BIGINT
);

CREATE TABLE oauth_codes (
    id INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    scope TEXT NOT NULL,
    resource TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT,
    grant_id BIGINT
);

CREATE TABLE oauth_grants (
    id INTEGER PRIMARY KEY NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    resource TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tokens_until BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_because TEXT
);
CREATE INDEX oauth_grants_of_user ON oauth_grants (user_id);
CREATE INDEX oauth_grants_of_client ON oauth_grants (client_id);

CREATE TABLE oauth_tokens (
    id INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    grant_id BIGINT NOT NULL,
    generation BIGINT,
    scope TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE oauth_refresh_tokens (
    id INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    grant_id BIGINT NOT NULL,
    previous BIGINT,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    salt BLOB,
    successor_id BIGINT,
    access_id BIGINT,
    confirmed_at BIGINT
);

-- What was decided about access: who, whom, what, why.
CREATE TABLE events (
    id INTEGER PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    client_id TEXT,
    user_id TEXT,
    grant_id BIGINT,
    resource TEXT,
    address TEXT,
    detail TEXT
);
