-- Whether the grant was taken over from the replaced provider: nobody was asked here.
ALTER TABLE oauth_grants ADD COLUMN imported BOOLEAN NOT NULL DEFAULT FALSE;

UPDATE schema_version SET version = 10;
