-- +goose Up
CREATE TABLE users (
    id            uuid        NOT NULL PRIMARY KEY,
    username      text        NOT NULL,
    username_key  text        NOT NULL,
    email         text        NOT NULL,
    email_key     text        NOT NULL,
    password_hash text        NOT NULL,
    privilege     smallint    NOT NULL CHECK (privilege BETWEEN 0 AND 2),
    disabled      boolean     NOT NULL DEFAULT false,
    session_epoch bigint      NOT NULL DEFAULT 0,
    kept_session  text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT users_username_key UNIQUE (username_key),
    CONSTRAINT users_email_key UNIQUE (email_key)
);

CREATE TABLE revoked_sessions (
    session_id text        NOT NULL PRIMARY KEY,
    user_id    text        NOT NULL,
    reason     text        NOT NULL,
    revoked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX revoked_sessions_expires_at ON revoked_sessions (expires_at);
CREATE INDEX revoked_sessions_user ON revoked_sessions (user_id);

CREATE TABLE audit (
    id         uuid        NOT NULL PRIMARY KEY,
    at         timestamptz NOT NULL,
    event      text        NOT NULL,
    outcome    text        NOT NULL,
    user_id    text        NOT NULL,
    actor_id   text        NOT NULL,
    session_id text        NOT NULL,
    client_id  text        NOT NULL,
    request_id text        NOT NULL,
    address    text        NOT NULL,
    agent      text        NOT NULL
);
CREATE INDEX audit_user ON audit (user_id, at);
CREATE INDEX audit_at ON audit (at);

-- +goose Down
DROP TABLE audit;
DROP TABLE revoked_sessions;
DROP TABLE users;
