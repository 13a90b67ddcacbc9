-- Mail, one-time links, and what they need to know of an account. The tables and columns have the
-- same names in Postgres. A time of 0 means "never" or "not set".

-- +goose Up

ALTER TABLE users ADD COLUMN locale TEXT NOT NULL DEFAULT ''; -- en, de, ja, ko; empty: the default
ALTER TABLE users ADD COLUMN email_verified_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN credential_version INTEGER NOT NULL DEFAULT 0; -- incremented by each new password
ALTER TABLE users ADD COLUMN reset_link_issued_at INTEGER NOT NULL DEFAULT 0; -- to an administrator or an operator

-- Mail to send, mail that could not be sent, and for a time mail that was sent.
CREATE TABLE outbox (
    id                TEXT    NOT NULL PRIMARY KEY, -- also in the Message-ID
    kind              TEXT    NOT NULL,
    user_id           TEXT    REFERENCES users (id) ON DELETE CASCADE, -- NULL: known when the mail is sent
    encrypted_message BLOB    NOT NULL, -- recipient, link and values; empty after the end
    state             TEXT    NOT NULL, -- queued, sent, dropped, dead
    reason            TEXT    NOT NULL DEFAULT '', -- of the last failure, or of the end
    attempts          INTEGER NOT NULL DEFAULT 0,
    created_at        INTEGER NOT NULL,
    due_at            INTEGER NOT NULL, -- of the next attempt; in the future while a worker sends it
    expires_at        INTEGER NOT NULL, -- not sent later
    ended_at          INTEGER NOT NULL DEFAULT 0,
    recipient_hash    TEXT    NOT NULL DEFAULT '', -- set when the mail was admitted, so that mails of a recipient can be counted
    budget            TEXT    NOT NULL DEFAULT '',
    admitted_at       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due_at ON outbox (due_at) WHERE state = 'queued';
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE INDEX outbox_created_at ON outbox (created_at, id);
CREATE INDEX outbox_recipient_hash ON outbox (recipient_hash, admitted_at) WHERE recipient_hash <> '';
CREATE INDEX outbox_user_id ON outbox (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX outbox_ended_at ON outbox (ended_at) WHERE ended_at > 0;

-- One-time links, until they are used or expire.
CREATE TABLE links (
    token_hash         TEXT    NOT NULL PRIMARY KEY,
    purpose            TEXT    NOT NULL, -- signup, verify, change, reset, undo
    user_id            TEXT    REFERENCES users (id) ON DELETE CASCADE, -- NULL: the link creates the user
    email              TEXT    NOT NULL, -- the address that the link proves, or restores
    email_key          TEXT    NOT NULL,
    credential_version INTEGER NOT NULL, -- of the user when the link was created
    mailed             INTEGER NOT NULL, -- sent to the address, so that its use proves the address
    encrypted_signup   BLOB    NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX links_user_id ON links (user_id, purpose);
CREATE INDEX links_email_key ON links (email_key, purpose);
CREATE INDEX links_expires_at ON links (expires_at);
