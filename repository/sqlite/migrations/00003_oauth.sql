-- +goose Up
CREATE TABLE clients (
    id              TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    public          INTEGER NOT NULL,
    first_party     INTEGER NOT NULL,
    disabled        INTEGER NOT NULL,
    grants          TEXT    NOT NULL,
    scopes          TEXT    NOT NULL,
    redirect_uris   TEXT    NOT NULL,
    secret          TEXT    NOT NULL,
    previous_secret TEXT    NOT NULL,
    previous_until  INTEGER NOT NULL,
    access_ttl      INTEGER NOT NULL,
    idle_ttl        INTEGER NOT NULL,
    absolute_ttl    INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE codes (
    hash         TEXT    NOT NULL PRIMARY KEY,
    client_id    TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    epoch        INTEGER NOT NULL,
    redirect_uri TEXT    NOT NULL,
    challenge    TEXT    NOT NULL,
    scope        TEXT    NOT NULL,
    amr          TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    agent        TEXT    NOT NULL,
    auth_time    INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    session_id   TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_expires_at ON codes (expires_at);

-- +goose Down
DROP TABLE codes;
DROP TABLE clients;
