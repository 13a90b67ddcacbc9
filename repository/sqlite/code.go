package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/repository"
)

const codeColumns = `code_hash, client_id, user_id, session_epoch, redirect_uri, code_challenge, scope, audience, amr, auth_time,
	ip_address, user_agent, expires_at`

// CreateCode implements repository.Codes.
func (db *DB) CreateCode(ctx context.Context, c repository.Code, mail ...repository.Message) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO authorization_codes (`+codeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(c.Hash), c.ClientID, c.UserID, c.Epoch, c.RedirectURI, c.Challenge, c.Scope, c.Audience, c.AMR,
			micros(c.AuthTime), c.Address, c.Agent, micros(c.ExpiresAt)); err != nil {
			return err
		}
		return enqueue(ctx, tx, mail)
	})
}

// TakeCode implements repository.Codes.
func (db *DB) TakeCode(ctx context.Context, hash repository.CodeHash, clientID, sessionID string, now time.Time) (c repository.Code, usedFor string, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		usedFor = ""
		c, err = scanCode(tx.QueryRowContext(ctx, `UPDATE authorization_codes SET session_id = ?3
			WHERE code_hash = ?1 AND client_id = ?2 AND session_id = '' AND expires_at > ?4
			RETURNING `+codeColumns, string(hash), clientID, sessionID, micros(now)))
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		c, err = scanCode(tx.QueryRowContext(ctx, `SELECT `+codeColumns+`, session_id FROM authorization_codes
			WHERE code_hash = ? AND client_id = ? AND session_id <> ''`, string(hash), clientID), &usedFor)
		return err
	})
	return c, usedFor, err
}

func scanCode(row *sql.Row, more ...any) (repository.Code, error) {
	var c repository.Code
	var auth, expires int64
	err := row.Scan(append([]any{
		&c.Hash, &c.ClientID, &c.UserID, &c.Epoch, &c.RedirectURI, &c.Challenge, &c.Scope, &c.Audience, &c.AMR,
		&auth, &c.Address, &c.Agent, &expires,
	}, more...)...)
	c.AuthTime, c.ExpiresAt = moment(auth), moment(expires)
	return c, err
}

// ReturnCode implements repository.Codes.
func (db *DB) ReturnCode(ctx context.Context, hash repository.CodeHash, sessionID string) error {
	_, err := db.write.ExecContext(ctx, `UPDATE authorization_codes SET session_id = '' WHERE code_hash = ? AND session_id = ?`, string(hash), sessionID)
	return storeError(err)
}

// PurgeCodes implements repository.Codes.
func (db *DB) PurgeCodes(ctx context.Context, before time.Time, limit int) (int, error) {
	res, err := db.write.ExecContext(ctx, `DELETE FROM authorization_codes WHERE code_hash IN (SELECT code_hash FROM authorization_codes WHERE expires_at < ? LIMIT ?)`, micros(before), limit)
	if err != nil {
		return 0, storeError(err)
	}
	n, err := res.RowsAffected()
	return int(n), storeError(err)
}
