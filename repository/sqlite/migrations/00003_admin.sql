-- The list of users for administrators. The tables and columns have the same names in Postgres.

-- +goose Up

ALTER TABLE users ADD COLUMN disabled_reason TEXT NOT NULL DEFAULT ''; -- for administrators

-- Each combination of the filters is a range of these indexes, in the order of the pages.
CREATE INDEX users_list ON users (privilege, disabled, (email_verified_at > 0), created_at, id);
CREATE INDEX users_by_username ON users (privilege, disabled, (email_verified_at > 0), username_key);
CREATE INDEX users_by_email ON users (privilege, disabled, (email_verified_at > 0), email_key);
