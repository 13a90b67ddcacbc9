package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/repository"
)

const codeColumns = `hash, client_id, user_id, epoch, redirect_uri, challenge, scope, amr, address, agent, auth_time, expires_at, audience`

// CreateCode implements repository.Codes.
func (db *DB) CreateCode(ctx context.Context, c repository.Code) error {
	_, err := db.write.ExecContext(ctx, `INSERT INTO codes (`+codeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(c.Hash), c.ClientID, c.UserID, c.Epoch, c.RedirectURI, c.Challenge, c.Scope, c.AMR, c.Address, c.Agent, micros(c.AuthTime), micros(c.ExpiresAt), c.Audience)
	return storeError(err)
}

// TakeCode implements repository.Codes.
func (db *DB) TakeCode(ctx context.Context, hash repository.CodeHash, clientID, sessionID string, now time.Time) (c repository.Code, usedFor string, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		usedFor = ""
		c, err = scanCode(tx.QueryRowContext(ctx, `UPDATE codes SET session_id = ?3
			WHERE hash = ?1 AND client_id = ?2 AND session_id = '' AND expires_at > ?4
			RETURNING `+codeColumns, string(hash), clientID, sessionID, micros(now)))
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		c, err = scanCode(tx.QueryRowContext(ctx, `SELECT `+codeColumns+`, session_id FROM codes
			WHERE hash = ? AND client_id = ? AND session_id <> ''`, string(hash), clientID), &usedFor)
		return err
	})
	return c, usedFor, err
}

func scanCode(row *sql.Row, more ...any) (repository.Code, error) {
	var c repository.Code
	var auth, expires int64
	err := row.Scan(append([]any{
		&c.Hash, &c.ClientID, &c.UserID, &c.Epoch, &c.RedirectURI, &c.Challenge, &c.Scope, &c.AMR, &c.Address, &c.Agent, &auth, &expires, &c.Audience,
	}, more...)...)
	c.AuthTime, c.ExpiresAt = moment(auth), moment(expires)
	return c, err
}

// ReturnCode implements repository.Codes.
func (db *DB) ReturnCode(ctx context.Context, hash repository.CodeHash, sessionID string) error {
	_, err := db.write.ExecContext(ctx, `UPDATE codes SET session_id = '' WHERE hash = ? AND session_id = ?`, string(hash), sessionID)
	return storeError(err)
}

// PurgeCodes implements repository.Codes.
func (db *DB) PurgeCodes(ctx context.Context, before time.Time, limit int) (int, error) {
	res, err := db.write.ExecContext(ctx, `DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE expires_at < ? LIMIT ?)`, micros(before), limit)
	if err != nil {
		return 0, storeError(err)
	}
	n, err := res.RowsAffected()
	return int(n), storeError(err)
}
