-- The schema of release 0.1.0. The tables and columns have the same names in SQLite. A time
-- that is NULL means "never" or "not set". Durations are microseconds.

-- +goose Up

-- One row for each account.
CREATE TABLE users (
    id                uuid        NOT NULL PRIMARY KEY,
    username          text        NOT NULL, -- as the user typed it
    username_key      text        NOT NULL, -- normalized, for comparison
    email             text        NOT NULL,
    email_key         text        NOT NULL,
    password_hash     text        NOT NULL,
    privilege         smallint    NOT NULL CHECK (privilege BETWEEN 0 AND 2), -- user, manager, administrator
    disabled          boolean     NOT NULL DEFAULT false,
    session_epoch     bigint      NOT NULL DEFAULT 0, -- incremented to revoke all sessions of the user
    except_session_id text        NOT NULL DEFAULT '', -- the session that the last increment did not revoke
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT users_username_key UNIQUE (username_key),
    CONSTRAINT users_email_key UNIQUE (email_key)
);

-- Sessions that were revoked one by one, until no token of theirs can be valid any more.
CREATE TABLE revoked_sessions (
    session_id text        NOT NULL PRIMARY KEY,
    user_id    text        NOT NULL,
    reason     text        NOT NULL,
    revoked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX revoked_sessions_user_id ON revoked_sessions (user_id);
CREATE INDEX revoked_sessions_expires_at ON revoked_sessions (expires_at);

-- The audit log. An empty column is unknown or does not apply.
CREATE TABLE audit_log (
    id          uuid        NOT NULL PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    event       text        NOT NULL,
    outcome     text        NOT NULL,
    user_id     text        NOT NULL, -- the user that the event is about
    actor_id    text        NOT NULL, -- the user that caused it, if another user
    session_id  text        NOT NULL,
    client_id   text        NOT NULL,
    key_id      text        NOT NULL DEFAULT '',
    request_id  text        NOT NULL,
    ip_address  text        NOT NULL,
    user_agent  text        NOT NULL
);
CREATE INDEX audit_log_user_id_occurred_at ON audit_log (user_id, occurred_at);
CREATE INDEX audit_log_occurred_at ON audit_log (occurred_at);

-- The keys that sign tokens. A key is standby until it is activated.
CREATE TABLE signing_keys (
    id            text        NOT NULL PRIMARY KEY, -- the kid
    use           text        NOT NULL, -- access or refresh
    algorithm     text        NOT NULL,
    encrypted_key bytea       NOT NULL,
    created_at    timestamptz NOT NULL,
    active_at     timestamptz, -- signs from this time on, which may be in the future
    revoked_at    timestamptz
);
-- At most one standby key for each use.
CREATE UNIQUE INDEX signing_keys_standby ON signing_keys (use) WHERE active_at IS NULL AND revoked_at IS NULL;

-- OAuth clients. The row of a deleted client stays, so that its ID is never reused.
CREATE TABLE clients (
    id                         text        NOT NULL PRIMARY KEY COLLATE "C",
    name                       text        NOT NULL,
    public                     boolean     NOT NULL, -- has no secret
    first_party                boolean     NOT NULL, -- needs no consent
    managed_by_file            boolean     NOT NULL DEFAULT false,
    pkce_optional              boolean     NOT NULL DEFAULT false,
    disabled                   boolean     NOT NULL,
    grant_types                text[]      NOT NULL,
    scopes                     text[]      NOT NULL,
    audiences                  text[]      NOT NULL DEFAULT '{}', -- empty: the audience of the settings
    redirect_uris              text[]      NOT NULL,
    secret_hash                text        NOT NULL, -- empty for a public client
    previous_secret_hash       text        NOT NULL,
    previous_secret_expires_at timestamptz,
    access_ttl                 bigint      NOT NULL, -- 0: the lifetime of the settings
    idle_ttl                   bigint      NOT NULL,
    absolute_ttl               bigint      NOT NULL,
    created_at                 timestamptz NOT NULL,
    updated_at                 timestamptz NOT NULL,
    deleted_at                 timestamptz
);

-- Authorization codes, until they expire.
CREATE TABLE authorization_codes (
    code_hash      text        NOT NULL PRIMARY KEY,
    client_id      text        NOT NULL,
    user_id        text        NOT NULL,
    session_epoch  bigint      NOT NULL, -- of the user when the code was issued
    redirect_uri   text        NOT NULL,
    code_challenge text        NOT NULL, -- S256
    scope          text        NOT NULL,
    audience       text        NOT NULL DEFAULT '', -- empty: the first audience of the client
    amr            text        NOT NULL,
    auth_time      timestamptz NOT NULL,
    ip_address     text        NOT NULL,
    user_agent     text        NOT NULL,
    expires_at     timestamptz NOT NULL,
    session_id     text        NOT NULL DEFAULT '' -- the session that used the code; empty: unused
);
CREATE INDEX authorization_codes_expires_at ON authorization_codes (expires_at);
