-- The record of a registration that nobody has used goes with it.
CREATE INDEX events_of_client ON events (client_id);

UPDATE schema_version SET version = 3;
