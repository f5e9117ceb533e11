-- Every MCP server has scopes of its own, and every client a limit.

-- What there is to be had at a resource; NULL: every scope of the settings.
ALTER TABLE resources ADD COLUMN scopes TEXT;
-- The most that the operator lets a client have; NULL: no limit.
ALTER TABLE oauth_clients ADD COLUMN ceiling TEXT;
-- One that has a limit makes no room: it would come back without.
DROP INDEX oauth_clients_strangers;
CREATE INDEX oauth_clients_strangers ON oauth_clients
    (registered_from, registered_at, authorized_at, disabled_at, asked_at, approved_at, ceiling)
    WHERE authorized_at IS NULL AND disabled_at IS NULL AND registered_at IS NOT NULL
        AND asked_at IS NULL AND approved_at IS NULL AND ceiling IS NULL;
UPDATE oauth_clients SET ceiling = json_extract(client_json, '$.scope') WHERE origin = 'configured';

-- An older version would grant what a client or a resource must not have any more.
UPDATE schema_version SET version = 6, oldest_allowed = 6;
