-- Mail, one-time links, and what they need to know of an account. The tables and columns have the
-- same names in SQLite. A time that is NULL means "never" or "not set".

-- +goose Up

ALTER TABLE users ADD COLUMN locale text NOT NULL DEFAULT ''; -- en, de, ja, ko; empty: the default
ALTER TABLE users ADD COLUMN email_verified_at timestamptz;
ALTER TABLE users ADD COLUMN credential_version bigint NOT NULL DEFAULT 0; -- incremented by each new password
ALTER TABLE users ADD COLUMN reset_link_issued_at timestamptz; -- to an administrator or an operator

-- Mail to send, mail that could not be sent, and for a time mail that was sent.
CREATE TABLE outbox (
    id                uuid        NOT NULL PRIMARY KEY, -- also in the Message-ID
    kind              text        NOT NULL,
    user_id           uuid        REFERENCES users (id) ON DELETE CASCADE, -- NULL: known when the mail is sent
    encrypted_message bytea       NOT NULL, -- recipient, link and values; empty after the end
    state             text        NOT NULL, -- queued, sent, dropped, dead
    reason            text        NOT NULL DEFAULT '', -- of the last failure, or of the end
    attempts          integer     NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL,
    due_at            timestamptz NOT NULL, -- of the next attempt; in the future while a worker sends it
    expires_at        timestamptz NOT NULL, -- not sent later
    ended_at          timestamptz,
    recipient_hash    text        NOT NULL DEFAULT '', -- set when the mail was admitted, so that mails of a recipient can be counted
    budget            text        NOT NULL DEFAULT '',
    admitted_at       timestamptz
);
CREATE INDEX outbox_due_at ON outbox (due_at) WHERE state = 'queued';
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE INDEX outbox_created_at ON outbox (created_at, id);
CREATE INDEX outbox_recipient_hash ON outbox (recipient_hash, admitted_at) WHERE recipient_hash <> '';
CREATE INDEX outbox_user_id ON outbox (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX outbox_ended_at ON outbox (ended_at) WHERE ended_at IS NOT NULL;

-- One-time links, until they are used or expire.
CREATE TABLE links (
    token_hash         text        NOT NULL PRIMARY KEY,
    purpose            text        NOT NULL, -- signup, verify, change, reset, undo
    user_id            uuid        REFERENCES users (id) ON DELETE CASCADE, -- NULL: the link creates the user
    email              text        NOT NULL, -- the address that the link proves, or restores
    email_key          text        NOT NULL,
    credential_version bigint      NOT NULL, -- of the user when the link was created
    mailed             boolean     NOT NULL, -- sent to the address, so that its use proves the address
    encrypted_signup   bytea       NOT NULL,
    created_at         timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL
);
CREATE INDEX links_user_id ON links (user_id, purpose);
CREATE INDEX links_email_key ON links (email_key, purpose);
CREATE INDEX links_expires_at ON links (expires_at);
