-- The list of users for administrators. The tables and columns have the same names in SQLite.

-- +goose Up

ALTER TABLE users ADD COLUMN disabled_reason text NOT NULL DEFAULT ''; -- for administrators

-- Each combination of the filters is a range of this index, in the order of the pages.
CREATE INDEX users_list ON users (privilege, disabled, (email_verified_at IS NOT NULL), created_at, id);
-- Prefixes of names, in any collation.
CREATE INDEX users_username_prefix ON users (username_key text_pattern_ops);
CREATE INDEX users_email_prefix ON users (email_key text_pattern_ops);
