-- People: other ways to sign in than a password, a second factor, whom a resource is for.

-- Without NOT NULL for the password: whoever signs in another way has none.
CREATE TABLE people (
    id TEXT PRIMARY KEY NOT NULL,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_authorized_at BIGINT,
    disabled_at BIGINT,
    -- A passkey is asked for after every sign-in that was not by one.
    passkey_required BOOLEAN NOT NULL,
    last_signed_in_at BIGINT
);
INSERT INTO people
    SELECT id, username, password_hash, role, created_at, last_authorized_at, disabled_at, FALSE, NULL FROM users;
DROP TABLE users;
ALTER TABLE people RENAME TO users;

-- Where and how a browser was signed in. `sessions.created_at` is when the person last proved who it is.
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password';
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;

-- A sign-in between two of its steps. Each step uses its row up.
CREATE TABLE sign_ins (
    id INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    step TEXT NOT NULL,
    -- Who has passed the first factor, and by what.
    user_id TEXT,
    method TEXT,
    -- What this step needs to go on: the state of a ceremony, the name of a provider.
    detail TEXT NOT NULL,
    -- Where it all leads.
    goal TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE passkeys (
    -- base64url
    credential_id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The public key, and what else belongs to it.
    passkey TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_of_user ON passkeys (user_id);

CREATE TABLE totp_secrets (
    user_id TEXT PRIMARY KEY NOT NULL,
    secret BLOB NOT NULL,
    -- When the first code was right. Before that there is no row.
    created_at BIGINT NOT NULL,
    -- The time step of the last code that was accepted: no code is accepted twice.
    last_step BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL,
    hash BLOB NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, hash)
);

-- Accounts elsewhere that sign somebody in here.
CREATE TABLE identities (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- What the provider calls the account, for people.
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_of_user ON identities (user_id);

-- From where somebody signed in before.
CREATE TABLE sign_in_places (
    user_id TEXT NOT NULL,
    network TEXT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
);

-- Whose link it is, and how long it works.
ALTER TABLE one_time_links ADD COLUMN user_id TEXT;
ALTER TABLE one_time_links ADD COLUMN expires_at BIGINT;

-- Whom a resource is for, and with which scopes; and since when it is closed to everybody.
ALTER TABLE resources ADD COLUMN paused_at BIGINT;
ALTER TABLE resources ADD COLUMN audience TEXT NOT NULL DEFAULT 'everybody';
-- What everybody may have; NULL: every scope there is.
ALTER TABLE resources ADD COLUMN scope TEXT;
-- No grant up to this one is good there, and those up to that one have to be looked at again: both
-- until their own rows say so.
ALTER TABLE resources ADD COLUMN ended_up_to BIGINT;
ALTER TABLE resources ADD COLUMN narrowed_up_to BIGINT;
CREATE TABLE resource_people (
    -- `resources.canonical`, which never changes.
    resource TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- What this person may have; NULL: every scope there is.
    scope TEXT,
    PRIMARY KEY (resource, user_id)
);

-- For lists. The name is the one in the JSON.
ALTER TABLE oauth_clients ADD COLUMN name TEXT NOT NULL DEFAULT '';
UPDATE oauth_clients SET name = COALESCE(json_extract(client_json, '$.client_name'), '');
ALTER TABLE oauth_grants ADD COLUMN last_used_address TEXT;
-- The live ones of a person are found among however many that have ended.
DROP INDEX oauth_grants_of_user;
CREATE INDEX oauth_grants_of_user ON oauth_grants (user_id, revoked_at);

-- Lists are sorted by the first column of these, and narrowed and searched by the others, without a
-- look at the rows. Names are sorted as people do, and times that never were come last.
CREATE INDEX users_by_name
    ON users (username, id, role, disabled_at, last_signed_in_at);
CREATE INDEX users_by_age
    ON users (created_at, id, username, role, disabled_at, last_signed_in_at);
CREATE INDEX users_by_last_sign_in
    ON users (COALESCE(last_signed_in_at, 0), id, username, role, disabled_at, last_signed_in_at);
CREATE INDEX oauth_clients_by_name
    ON oauth_clients (lower(name), client_id, name, origin, disabled_at, authorized_at);
CREATE INDEX oauth_clients_by_age
    ON oauth_clients (created_at, client_id, name, origin, disabled_at, authorized_at);
CREATE INDEX oauth_clients_by_last_use
    ON oauth_clients
    (COALESCE(last_used_at, 0), client_id, name, origin, disabled_at, authorized_at);
CREATE INDEX oauth_grants_by_last_use
    ON oauth_grants (last_used_at, id, revoked_at, expires_at, resource);
CREATE INDEX oauth_grants_of_resource ON oauth_grants (resource);
CREATE INDEX oauth_grants_of_resource_by_last_use
    ON oauth_grants (resource, last_used_at, id, revoked_at, expires_at);

-- How far the record of decisions has been told to each channel.
CREATE TABLE notification_channels (
    channel TEXT PRIMARY KEY NOT NULL,
    -- The last event that was told, or given up.
    event_id BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL
);

-- An older version would let somebody in without his second factor, and would not see a pause.
UPDATE schema_version SET version = 4, oldest_allowed = 4;
