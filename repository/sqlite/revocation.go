package sqlite

import (
	"context"
	"database/sql"
	"time"

	"latchkey/repository"
)

// RevokeSession implements repository.Revocations.
func (db *DB) RevokeSession(ctx context.Context, r repository.Revocation, by repository.Caller, a repository.AuditRecord, mail ...repository.Message) (first bool, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, by.Needs(r.UserID)); err != nil {
			return err
		}
		if first, err = revoke(ctx, tx, r, a); err != nil || !first {
			return err
		}
		return enqueue(ctx, tx, mail)
	})
	return first && err == nil, err
}

// RecordLogin implements repository.Revocations.
func (db *DB) RecordLogin(ctx context.Context, login repository.AuditRecord, epoch int64, ended []repository.Ended, mail ...repository.Message) (revoked []string, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		revoked = nil
		var one int
		if err := tx.QueryRowContext(ctx, `SELECT 1 FROM users WHERE id = ? AND session_epoch = ? AND disabled = 0
			AND NOT EXISTS (SELECT 1 FROM revoked_sessions WHERE session_id = ?)`,
			login.UserID, epoch, login.SessionID).Scan(&one); err != nil {
			return err
		}
		for _, e := range ended {
			first, err := revoke(ctx, tx, e.Revocation, e.Audit)
			if err != nil {
				return err
			}
			if first {
				revoked = append(revoked, e.Revocation.SessionID)
			}
		}
		if err := appendAudit(ctx, tx, login); err != nil {
			return err
		}
		return enqueue(ctx, tx, mail)
	})
	if err != nil {
		return nil, err
	}
	return revoked, nil
}

// ListRevoked implements repository.Revocations.
func (db *DB) ListRevoked(ctx context.Context, userID string) ([]string, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT session_id FROM revoked_sessions WHERE user_id = ?`, userID)
	return scanStrings(rows, err)
}

// PurgeRevocations implements repository.Revocations.
func (db *DB) PurgeRevocations(ctx context.Context, before time.Time, limit int) (int, error) {
	return db.purge(ctx, `DELETE FROM revoked_sessions WHERE session_id IN
		(SELECT session_id FROM revoked_sessions WHERE expires_at < ? LIMIT ?)`, micros(before), limit)
}

func (db *DB) purge(ctx context.Context, query string, args ...any) (int, error) {
	res, err := db.write.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, storeError(err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// scanStrings reads rows with one column.
func scanStrings(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, storeError(err)
		}
		list = append(list, s)
	}
	return list, storeError(rows.Err())
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
