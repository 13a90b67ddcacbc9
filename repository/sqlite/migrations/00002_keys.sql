-- +goose Up
CREATE TABLE signing_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    use        TEXT    NOT NULL,
    algorithm  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    active_at  INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX signing_keys_standby ON signing_keys (use) WHERE active_at = 0 AND revoked_at = 0;
ALTER TABLE audit ADD COLUMN key_id TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit DROP COLUMN key_id;
DROP TABLE signing_keys;
