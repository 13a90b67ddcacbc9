package sqlite

import (
	"context"
	"database/sql"

	"latchkey/repository"
)

// RevokeSession implements repository.Revocations.
func (db *DB) RevokeSession(ctx context.Context, r repository.Revocation, a repository.AuditRecord) (first bool, err error) {
	err = db.inTx(ctx, func(tx *sql.Tx) error {
		first, err = revoke(ctx, tx, r, a)
		return err
	})
	return first && err == nil, err
}

// RecordLogin implements repository.Revocations.
func (db *DB) RecordLogin(ctx context.Context, login repository.AuditRecord, replaced *repository.Replaced) error {
	if replaced == nil {
		return db.AppendAudit(ctx, login)
	}
	return db.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := revoke(ctx, tx, replaced.Revocation, replaced.Audit); err != nil {
			return err
		}
		return appendAudit(ctx, tx, login)
	})
}

func revoke(ctx context.Context, tx *sql.Tx, r repository.Revocation, a repository.AuditRecord) (bool, error) {
	res, err := tx.ExecContext(ctx, `
		INSERT INTO revoked_sessions (session_id, user_id, reason, revoked_at, expires_at)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		r.SessionID, r.UserID, string(r.Reason), micros(r.At), micros(r.ExpiresAt))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return false, err
	}
	return true, appendAudit(ctx, tx, a)
}
