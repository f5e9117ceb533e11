-- The latest time that is believed to have been: nothing that has expired comes back to life because
-- the machine's clock was set back while the service was stopped. An older program need not know it.
CREATE TABLE clock (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    seen_at BIGINT NOT NULL
);
INSERT INTO clock (id, seen_at) VALUES (1, 0);

UPDATE schema_version SET version = 11;
