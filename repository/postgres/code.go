package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const codeColumns = `code_hash, client_id, user_id, session_epoch, redirect_uri, code_challenge, scope, audience, amr, auth_time,
	ip_address, user_agent, expires_at`

// CreateCode implements repository.Codes.
func (db *DB) CreateCode(ctx context.Context, c repository.Code, mail ...repository.Message) error {
	var batch pgx.Batch // one transaction
	batch.Queue(`INSERT INTO authorization_codes (`+codeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		string(c.Hash), c.ClientID, c.UserID, c.Epoch, c.RedirectURI, c.Challenge, c.Scope, c.Audience, c.AMR,
		c.AuthTime, c.Address, c.Agent, c.ExpiresAt)
	for _, m := range mail {
		batch.Queue(insertMessage, messageArgs(m)...)
	}
	return storeError(db.pool.SendBatch(ctx, &batch).Close())
}

// TakeCode implements repository.Codes.
func (db *DB) TakeCode(ctx context.Context, hash repository.CodeHash, clientID, sessionID string, now time.Time) (c repository.Code, usedFor string, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		c, err = scanCode(tx.QueryRow(ctx, `UPDATE authorization_codes SET session_id = $3
			WHERE code_hash = $1 AND client_id = $2 AND session_id = '' AND expires_at > $4
			RETURNING `+codeColumns, string(hash), clientID, sessionID, now))
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		c, err = scanCode(tx.QueryRow(ctx, `SELECT `+codeColumns+`, session_id FROM authorization_codes
			WHERE code_hash = $1 AND client_id = $2 AND session_id <> ''`, string(hash), clientID), &usedFor)
		return err
	})
	return c, usedFor, err
}

func scanCode(row pgx.Row, more ...any) (repository.Code, error) {
	var c repository.Code
	err := row.Scan(append([]any{
		(*string)(&c.Hash), &c.ClientID, &c.UserID, &c.Epoch, &c.RedirectURI, &c.Challenge, &c.Scope, &c.Audience, &c.AMR,
		&c.AuthTime, &c.Address, &c.Agent, &c.ExpiresAt,
	}, more...)...)
	c.AuthTime, c.ExpiresAt = c.AuthTime.UTC(), c.ExpiresAt.UTC()
	return c, err
}

// ReturnCode implements repository.Codes.
func (db *DB) ReturnCode(ctx context.Context, hash repository.CodeHash, sessionID string) error {
	_, err := db.pool.Exec(ctx, `UPDATE authorization_codes SET session_id = '' WHERE code_hash = $1 AND session_id = $2`, string(hash), sessionID)
	return storeError(err)
}

// PurgeCodes implements repository.Codes.
func (db *DB) PurgeCodes(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := db.pool.Exec(ctx, `DELETE FROM authorization_codes WHERE code_hash IN (SELECT code_hash FROM authorization_codes WHERE expires_at < $1 LIMIT $2)`, before, limit)
	return int(tag.RowsAffected()), storeError(err)
}
