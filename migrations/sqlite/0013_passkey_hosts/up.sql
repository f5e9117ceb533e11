-- For which host a passkey was made (its RP id): it signs in there, and nowhere else. NULL for one from
-- before this column, which is the present issuer's until the service moves.
ALTER TABLE passkeys ADD COLUMN host TEXT;

UPDATE schema_version SET version = 13;
