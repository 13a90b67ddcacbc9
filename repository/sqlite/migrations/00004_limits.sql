-- +goose Up
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

-- +goose Down
DROP TABLE limits;
