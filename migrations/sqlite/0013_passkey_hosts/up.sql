-- For which host a passkey was made (its RP id): it signs in there, and nowhere else. NULL for one that a
-- version before this column has made: the present issuer's, which the next start of the service writes down.
ALTER TABLE passkeys ADD COLUMN host TEXT;

UPDATE schema_version SET version = 13;
