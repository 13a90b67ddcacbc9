-- The schema of release 0.1.0. Tables and columns that Postgres has too have the same names
-- there. Times are microseconds since 1970 in UTC; 0 means "never" or "not set". Booleans
-- are 0 or 1. Lists are words separated by spaces. Durations are microseconds.

-- +goose Up

-- One row for each account.
CREATE TABLE users (
    id                TEXT    NOT NULL PRIMARY KEY,
    username          TEXT    NOT NULL, -- as the user typed it
    username_key      TEXT    NOT NULL UNIQUE, -- normalized, for comparison
    email             TEXT    NOT NULL,
    email_key         TEXT    NOT NULL UNIQUE,
    password_hash     TEXT    NOT NULL,
    privilege         INTEGER NOT NULL CHECK (privilege BETWEEN 0 AND 2), -- user, manager, administrator
    disabled          INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    session_epoch     INTEGER NOT NULL DEFAULT 0, -- incremented to revoke all sessions of the user
    except_session_id TEXT    NOT NULL DEFAULT '', -- the session that the last increment did not revoke
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;

-- Sessions that were revoked one by one, until no token of theirs can be valid any more.
CREATE TABLE revoked_sessions (
    session_id TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_sessions_user_id ON revoked_sessions (user_id);
CREATE INDEX revoked_sessions_expires_at ON revoked_sessions (expires_at);

-- The audit log. An empty column is unknown or does not apply.
CREATE TABLE audit_log (
    id          TEXT    NOT NULL PRIMARY KEY,
    occurred_at INTEGER NOT NULL,
    event       TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    user_id     TEXT    NOT NULL, -- the user that the event is about
    actor_id    TEXT    NOT NULL, -- the user that caused it, if another user
    session_id  TEXT    NOT NULL,
    client_id   TEXT    NOT NULL,
    key_id      TEXT    NOT NULL DEFAULT '',
    request_id  TEXT    NOT NULL,
    ip_address  TEXT    NOT NULL,
    user_agent  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_user_id_occurred_at ON audit_log (user_id, occurred_at);
CREATE INDEX audit_log_occurred_at ON audit_log (occurred_at);

-- The keys that sign tokens. A key is standby until it is activated.
CREATE TABLE signing_keys (
    id            TEXT    NOT NULL PRIMARY KEY, -- the kid
    use           TEXT    NOT NULL, -- access or refresh
    algorithm     TEXT    NOT NULL,
    encrypted_key BLOB    NOT NULL,
    created_at    INTEGER NOT NULL,
    active_at     INTEGER NOT NULL DEFAULT 0, -- signs from this time on, which may be in the future
    revoked_at    INTEGER NOT NULL DEFAULT 0
) STRICT;
-- At most one standby key for each use.
CREATE UNIQUE INDEX signing_keys_standby ON signing_keys (use) WHERE active_at = 0 AND revoked_at = 0;

-- OAuth clients. The row of a deleted client stays, so that its ID is never reused.
CREATE TABLE clients (
    id                         TEXT    NOT NULL PRIMARY KEY,
    name                       TEXT    NOT NULL,
    public                     INTEGER NOT NULL, -- has no secret
    first_party                INTEGER NOT NULL, -- needs no consent
    managed_by_file            INTEGER NOT NULL DEFAULT 0,
    pkce_optional              INTEGER NOT NULL DEFAULT 0,
    disabled                   INTEGER NOT NULL,
    grant_types                TEXT    NOT NULL,
    scopes                     TEXT    NOT NULL,
    audiences                  TEXT    NOT NULL DEFAULT '', -- empty: the audience of the settings
    redirect_uris              TEXT    NOT NULL,
    secret_hash                TEXT    NOT NULL, -- empty for a public client
    previous_secret_hash       TEXT    NOT NULL,
    previous_secret_expires_at INTEGER NOT NULL,
    access_ttl                 INTEGER NOT NULL, -- 0: the lifetime of the settings
    idle_ttl                   INTEGER NOT NULL,
    absolute_ttl               INTEGER NOT NULL,
    created_at                 INTEGER NOT NULL,
    updated_at                 INTEGER NOT NULL,
    deleted_at                 INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Authorization codes, until they expire.
CREATE TABLE authorization_codes (
    code_hash      TEXT    NOT NULL PRIMARY KEY,
    client_id      TEXT    NOT NULL,
    user_id        TEXT    NOT NULL,
    session_epoch  INTEGER NOT NULL, -- of the user when the code was issued
    redirect_uri   TEXT    NOT NULL,
    code_challenge TEXT    NOT NULL, -- S256
    scope          TEXT    NOT NULL,
    audience       TEXT    NOT NULL DEFAULT '', -- empty: the first audience of the client
    amr            TEXT    NOT NULL,
    auth_time      INTEGER NOT NULL,
    ip_address     TEXT    NOT NULL,
    user_agent     TEXT    NOT NULL,
    expires_at     INTEGER NOT NULL,
    session_id     TEXT    NOT NULL DEFAULT '' -- the session that used the code; empty: unused
) STRICT, WITHOUT ROWID;
CREATE INDEX authorization_codes_expires_at ON authorization_codes (expires_at);

-- The tables below are Redis keys in a deployment with Postgres.

-- Sessions, each with its current refresh token and the previous one. A revoked session
-- keeps only its IDs, absolute_expires_at and the revocation columns.
CREATE TABLE sessions (
    user_id                    TEXT    NOT NULL,
    id                         TEXT    NOT NULL,
    generation                 INTEGER NOT NULL, -- of the current token; 0 at login
    token_id                   TEXT    NOT NULL, -- the jti of the current token
    previous_generation        INTEGER NOT NULL,
    previous_token_id          TEXT    NOT NULL, -- empty at generation 0
    rotated_at                 INTEGER NOT NULL,
    operation_id               TEXT    NOT NULL, -- the call that rotated, so that its retry is recognized
    token_used                 INTEGER NOT NULL, -- the current token has been presented
    idle_expires_at            INTEGER NOT NULL,
    absolute_expires_at        INTEGER NOT NULL,
    session_epoch              INTEGER NOT NULL, -- of the user at login
    client_id                  TEXT    NOT NULL,
    delivery                   TEXT    NOT NULL, -- body, cookie or host_cookie
    scope                      TEXT    NOT NULL,
    amr                        TEXT    NOT NULL,
    auth_time                  INTEGER NOT NULL,
    grace_count                INTEGER NOT NULL, -- uses of the previous token since the last rotation
    recovery_count             INTEGER NOT NULL, -- lost tokens that were replaced in this window
    recovery_window_started_at INTEGER NOT NULL,
    revocation_reason          TEXT    NOT NULL, -- empty: not revoked
    revoked_at                 INTEGER NOT NULL,
    revocation_operation_id    TEXT    NOT NULL,
    created_at                 INTEGER NOT NULL,
    used_at                    INTEGER NOT NULL,
    ip_address                 TEXT    NOT NULL, -- of the login
    user_agent                 TEXT    NOT NULL, -- of the login
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_absolute_expires_at ON sessions (absolute_expires_at);

-- Failed attempts by rate limit key.
CREATE TABLE rate_limits (
    name                TEXT    NOT NULL PRIMARY KEY,
    failures            REAL    NOT NULL, -- decays over time
    last_failure_at     INTEGER NOT NULL,
    previous_failure_at INTEGER NOT NULL,
    blocked_until       INTEGER NOT NULL,
    block_reported      INTEGER NOT NULL, -- this block has been reported to a caller
    failed_fingerprint  TEXT    NOT NULL, -- of the last failed attempt, so that its repetition is recognized
    failed_at           INTEGER NOT NULL, -- when that attempt failed
    expires_at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rate_limits_expires_at ON rate_limits (expires_at);

-- One row: the latest time at which a process has written, so that a later process can
-- detect a clock that is wrong.
CREATE TABLE clock (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    latest_time INTEGER NOT NULL
) STRICT;
INSERT INTO clock (id, latest_time) VALUES (1, 0);
