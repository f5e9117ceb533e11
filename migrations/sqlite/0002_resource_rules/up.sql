-- What a call of a resource needs, beyond what its route demands: see `mcp::Rule`.
CREATE TABLE resource_rules (
    -- Never used again: the operator calls a rule by it.
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- `resources.canonical`, which never changes.
    resource TEXT NOT NULL,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    method TEXT NOT NULL,
    name TEXT NOT NULL,
    -- By the settings, which put it back at each start.
    declared BOOLEAN NOT NULL
);
CREATE INDEX resource_rules_of_resource ON resource_rules (resource);

-- A version that knows nothing of rules has no gate that could overlook them.
UPDATE schema_version SET version = 2;
