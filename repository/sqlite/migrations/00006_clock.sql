-- +goose Up
CREATE TABLE clock (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    newest INTEGER NOT NULL
) STRICT;
INSERT INTO clock (id, newest) SELECT 1, COALESCE(max(at), 0) FROM audit;

-- +goose Down
DROP TABLE clock;
