-- A database of a version before 0.1.0: its first migration, its table of versions and one user.
CREATE TABLE goose_db_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL,
    is_applied INTEGER NOT NULL,
    tstamp TIMESTAMP DEFAULT (datetime('now'))
);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1);
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

INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege, created_at, updated_at)
VALUES ('01a219bd-3df7-7bbe-9290-a5b6803acb76', 'Ada', 'ada', 'Ada@example.org', 'ada@example.org', 'x', 2, 1, 1);
