-- Clients: those that describe themselves in a document, those that registered themselves alike, and
-- those that wait for the owner.

-- RFC 7592: who may change a registration. Nobody may, once several installations share it.
ALTER TABLE oauth_clients ADD COLUMN registration_token_hash BLOB;
-- Of what a public client registered with: the same again is the same client.
ALTER TABLE oauth_clients ADD COLUMN fingerprint BLOB;
CREATE INDEX oauth_clients_alike ON oauth_clients (fingerprint) WHERE fingerprint IS NOT NULL;
-- The network that registered it, so that a flood makes room at its own expense, and when it last
-- did so; NULL: nobody registered it.
ALTER TABLE oauth_clients ADD COLUMN registered_from TEXT;
ALTER TABLE oauth_clients ADD COLUMN registered_at BIGINT;
UPDATE oauth_clients SET registered_from = 'several networks', registered_at = created_at
    WHERE origin = 'registered';
-- Where new clients wait for the owner: since when, who met it first, and when the owner said yes.
ALTER TABLE oauth_clients ADD COLUMN asked_at BIGINT;
ALTER TABLE oauth_clients ADD COLUMN asked_by TEXT;
ALTER TABLE oauth_clients ADD COLUMN approved_at BIGINT;
-- Registrations that expire unless they are used, and those of them that make room for others: with all
-- that is asked of them, so that ten thousand are counted in 0.1 ms and not in 14.
DROP INDEX oauth_clients_unused;
CREATE INDEX oauth_clients_unused ON oauth_clients (registered_at)
    WHERE authorized_at IS NULL AND disabled_at IS NULL AND registered_at IS NOT NULL;
CREATE INDEX oauth_clients_strangers ON oauth_clients
    (registered_from, registered_at, authorized_at, disabled_at, asked_at, approved_at)
    WHERE authorized_at IS NULL AND disabled_at IS NULL AND registered_at IS NOT NULL
        AND asked_at IS NULL AND approved_at IS NULL;

-- Client ID metadata documents, as they were published. What is in force of one stands in the row of
-- its client.
CREATE TABLE client_documents (
    -- The address.
    client_id TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    -- fetched, shipped with this program, or laid down by the operator
    source TEXT NOT NULL,
    fetched_at BIGINT NOT NULL,
    fresh_until BIGINT NOT NULL
);

-- What a person saw of a document's client when saying yes to it: a change is shown next time.
CREATE TABLE seen_documents (
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    metadata TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

-- Initial access tokens: RFC 7591 section 3.
CREATE TABLE registration_tokens (
    id INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    -- What the operator calls it.
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    -- NULL: as often as anybody likes.
    uses_left BIGINT,
    last_used_at BIGINT
);

UPDATE schema_version SET version = 5;
