-- The list of users for administrators. The tables and columns have the same names in SQLite.

-- +goose Up

ALTER TABLE users ADD COLUMN disabled_reason text NOT NULL DEFAULT ''; -- for administrators

-- Each combination of the filters is a range of these indexes, in the order of the pages. Prefixes of
-- names are ranges in any collation.
CREATE INDEX users_list ON users (privilege, disabled, (CASE WHEN email_verified_at IS NULL THEN 0 ELSE 1 END), created_at, id);
CREATE INDEX users_by_username ON users (privilege, disabled, (CASE WHEN email_verified_at IS NULL THEN 0 ELSE 1 END), username_key text_pattern_ops);
CREATE INDEX users_by_email ON users (privilege, disabled, (CASE WHEN email_verified_at IS NULL THEN 0 ELSE 1 END), email_key text_pattern_ops);

-- Filters of the audit log. A login adds to neither index.
CREATE INDEX audit_log_actor ON audit_log (actor_id, occurred_at, id) WHERE actor_id <> '';
CREATE INDEX audit_log_event ON audit_log (event, occurred_at, id) WHERE event NOT IN ('login', 'login_failed', 'session_ended');
