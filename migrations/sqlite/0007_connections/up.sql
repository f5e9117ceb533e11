-- How each attempt to connect went: one row each, with its whole story, so that what strangers can
-- make us keep is bounded by the number of rows. Nothing here decides about access.
CREATE TABLE attempts (
    -- Grows with time.
    id INTEGER PRIMARY KEY NOT NULL,
    started_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    -- From where it began, and what the program called itself.
    network TEXT NOT NULL,
    agent TEXT NOT NULL,
    client_id TEXT,
    user_id TEXT,
    resource TEXT,
    -- Whether somebody has signed in for it: strangers make room for strangers only.
    known BOOLEAN NOT NULL,
    -- What it has come to: keys of rows of other tables, which may have gone before it.
    request_id BIGINT,
    code_id BIGINT,
    grant_id BIGINT,
    refresh_id BIGINT,
    -- Step by step, as JSON of a bounded length.
    story TEXT NOT NULL
);
CREATE INDEX attempts_kept ON attempts (known, id);
CREATE INDEX attempts_of_network ON attempts (network, id);
CREATE INDEX attempts_of_client ON attempts (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX attempts_of_request ON attempts (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX attempts_of_code ON attempts (code_id) WHERE code_id IS NOT NULL;
CREATE INDEX attempts_of_grant ON attempts (grant_id) WHERE grant_id IS NOT NULL;

UPDATE schema_version SET version = 7;
