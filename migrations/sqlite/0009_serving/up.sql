-- The processes that serve from this file: they tell one another that what they remember of it is not
-- to be trusted. One that serves alone writes nothing here while it runs.
CREATE TABLE serving_processes (
    -- Drawn at each start.
    id BIGINT PRIMARY KEY NOT NULL,
    -- Counted up while there are others, so that they see who is still there.
    beats BIGINT NOT NULL
);

-- An older program would not know of the others.
UPDATE schema_version SET version = 9, oldest_allowed = 9;
