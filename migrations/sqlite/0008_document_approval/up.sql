-- Whether the client has no other yes of the owner than this copy, which the operator laid down: it
-- goes with the copy. Of those that are there, the time tells.
ALTER TABLE client_documents ADD COLUMN approves BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE client_documents SET approves = TRUE WHERE source = 'operator' AND fetched_at =
    (SELECT approved_at FROM oauth_clients WHERE oauth_clients.client_id = client_documents.client_id);

UPDATE schema_version SET version = 8;
