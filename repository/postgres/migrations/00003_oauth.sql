-- +goose Up
CREATE TABLE clients (
    id              text        NOT NULL PRIMARY KEY COLLATE "C",
    name            text        NOT NULL,
    public          boolean     NOT NULL,
    first_party     boolean     NOT NULL,
    disabled        boolean     NOT NULL,
    grants          text[]      NOT NULL,
    scopes          text[]      NOT NULL,
    redirect_uris   text[]      NOT NULL,
    secret          text        NOT NULL,
    previous_secret text        NOT NULL,
    previous_until  timestamptz,
    access_ttl      bigint      NOT NULL,
    idle_ttl        bigint      NOT NULL,
    absolute_ttl    bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    deleted_at      timestamptz
);

CREATE TABLE codes (
    hash         text        NOT NULL PRIMARY KEY,
    client_id    text        NOT NULL,
    user_id      text        NOT NULL,
    epoch        bigint      NOT NULL,
    redirect_uri text        NOT NULL,
    challenge    text        NOT NULL,
    scope        text        NOT NULL,
    amr          text        NOT NULL,
    address      text        NOT NULL,
    agent        text        NOT NULL,
    auth_time    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    session_id   text        NOT NULL DEFAULT ''
);
CREATE INDEX codes_expires_at ON codes (expires_at);

-- +goose Down
DROP TABLE codes;
DROP TABLE clients;
