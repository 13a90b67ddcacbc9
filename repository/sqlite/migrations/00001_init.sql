-- +goose Up
CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    username      TEXT    NOT NULL,
    username_key  TEXT    NOT NULL UNIQUE,
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    privilege     INTEGER NOT NULL CHECK (privilege BETWEEN 0 AND 2),
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    session_epoch INTEGER NOT NULL DEFAULT 0,
    kept_session  TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE revoked_sessions (
    session_id TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_sessions_expires_at ON revoked_sessions (expires_at);
CREATE INDEX revoked_sessions_user ON revoked_sessions (user_id);

CREATE TABLE audit (
    id         TEXT    NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    actor_id   TEXT    NOT NULL,
    session_id TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    request_id TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    agent      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_user ON audit (user_id, at);
CREATE INDEX audit_at ON audit (at);

CREATE TABLE sessions (
    user_id     TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    gen         INTEGER NOT NULL,
    jti         TEXT    NOT NULL,
    pgen        INTEGER NOT NULL,
    prev        TEXT    NOT NULL,
    rot         INTEGER NOT NULL,
    op          TEXT    NOT NULL,
    seen        INTEGER NOT NULL,
    idle        INTEGER NOT NULL,
    abs         INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    cid         TEXT    NOT NULL,
    via         TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    amr         TEXT    NOT NULL,
    auth        INTEGER NOT NULL,
    grc         INTEGER NOT NULL,
    rec         INTEGER NOT NULL,
    rec_at      INTEGER NOT NULL,
    rev         TEXT    NOT NULL,
    rev_at      INTEGER NOT NULL,
    rev_op      TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    used        INTEGER NOT NULL,
    ip          TEXT    NOT NULL,
    ua          TEXT    NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_abs ON sessions (abs);

-- +goose Down
DROP TABLE sessions;
DROP TABLE audit;
DROP TABLE revoked_sessions;
DROP TABLE users;
