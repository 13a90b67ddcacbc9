-- The list of users for administrators. The tables and columns have the same names in Postgres.

-- +goose Up

ALTER TABLE users ADD COLUMN disabled_reason TEXT NOT NULL DEFAULT ''; -- for administrators

-- Each combination of the filters is a range of these indexes, in the order of the pages.
CREATE INDEX users_list ON users (privilege, disabled, (email_verified_at > 0), created_at, id);
CREATE INDEX users_by_username ON users (privilege, disabled, (email_verified_at > 0), username_key);
CREATE INDEX users_by_email ON users (privilege, disabled, (email_verified_at > 0), email_key);

-- Filters of the audit log. A login adds to neither index.
CREATE INDEX audit_log_actor ON audit_log (actor_id, occurred_at, id) WHERE actor_id <> '';
CREATE INDEX audit_log_event ON audit_log (event, occurred_at, id) WHERE event NOT IN ('login', 'login_failed', 'session_ended');
