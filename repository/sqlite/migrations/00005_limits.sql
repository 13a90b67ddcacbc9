-- +goose Up
-- What is remembered of failures may be forgotten once.
DROP TABLE limits;
CREATE TABLE limits (
    name      TEXT    NOT NULL PRIMARY KEY,
    failures  REAL    NOT NULL,
    last      INTEGER NOT NULL,
    before    INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    told      INTEGER NOT NULL,
    failed    TEXT    NOT NULL,
    failed_at INTEGER NOT NULL,
    forgotten INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX limits_forgotten ON limits (forgotten);

-- +goose Down
DROP TABLE limits;
CREATE TABLE limits (
    name        TEXT    NOT NULL PRIMARY KEY,
    failures    INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    told        INTEGER NOT NULL,
    fingerprint TEXT    NOT NULL,
    forgotten   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX limits_forgotten ON limits (forgotten);
