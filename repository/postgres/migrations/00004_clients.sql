-- +goose Up
ALTER TABLE clients
    ADD COLUMN pkce_optional boolean NOT NULL DEFAULT false,
    ADD COLUMN managed       boolean NOT NULL DEFAULT false,
    ADD COLUMN audiences     text[]  NOT NULL DEFAULT '{}';
ALTER TABLE codes ADD COLUMN audience text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE codes DROP COLUMN audience;
ALTER TABLE clients DROP COLUMN pkce_optional, DROP COLUMN managed, DROP COLUMN audiences;
