-- Under which URLs this service is, and was, known to clients: the one to which they are to be bound,
-- and those from which it has moved away.
CREATE TABLE issuers (
    -- Byte for byte.
    issuer TEXT PRIMARY KEY NOT NULL,
    -- Since when another one has taken its place; NULL for the one that has.
    left_at BIGINT,
    -- Until when it is answered for all the same; NULL as above.
    kept_until BIGINT
);

-- By whose authorization endpoint the request came: the `iss` of its answer (RFC 9207).
ALTER TABLE authorization_requests ADD COLUMN issuer TEXT;

-- By which request something was decided: the id of its answer and of its line in the log. NULL for what
-- is decided by a command, or by the service itself.
ALTER TABLE events ADD COLUMN request_id TEXT;

UPDATE schema_version SET version = 12;
