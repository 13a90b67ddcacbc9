-- +goose Up
CREATE TABLE signing_keys (
    id         text        NOT NULL PRIMARY KEY,
    use        text        NOT NULL,
    algorithm  text        NOT NULL,
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    active_at  timestamptz,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX signing_keys_standby ON signing_keys (use) WHERE active_at IS NULL AND revoked_at IS NULL;
ALTER TABLE audit ADD COLUMN key_id text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit DROP COLUMN key_id;
DROP TABLE signing_keys;
