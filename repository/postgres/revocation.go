package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"latchkey/repository"
)

// revokeWith takes auditArgs as $1 to $12 and the revocation as $13 to $17. It does nothing
// unless the audit record $18 exists, and writes an audit record only if the session was
// not revoked before.
const revokeWith = `
	WITH revoked AS (
		INSERT INTO revoked_sessions (session_id, user_id, reason, revoked_at, expires_at)
		SELECT $13, $14, $15, $16::timestamptz, $17::timestamptz
		WHERE EXISTS (SELECT 1 FROM audit_log WHERE id = $18::uuid)
		ON CONFLICT DO NOTHING
		RETURNING session_id
	)` + insertAudit + ` FROM revoked`

// RevokeSession implements repository.Revocations.
func (db *DB) RevokeSession(ctx context.Context, r repository.Revocation, by repository.Caller, a repository.AuditRecord, mail ...repository.Message) (first bool, err error) {
	_, err = db.changeBy(ctx, by, by.Needs(r.UserID), a, mail, `
		INSERT INTO revoked_sessions (session_id, user_id, reason, revoked_at, expires_at)
		SELECT $17, $18, $19, $20::timestamptz, $21::timestamptz FROM allowed
		ON CONFLICT DO NOTHING RETURNING 0::bigint AS n`,
		r.SessionID, r.UserID, string(r.Reason), r.At, r.ExpiresAt)
	if errors.Is(err, repository.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// RecordLogin implements repository.Revocations. A batch is one transaction and one round
// trip. Its first statement writes the record of the login if the account has not changed
// since the login read it. The revocations depend on that record.
func (db *DB) RecordLogin(ctx context.Context, login repository.AuditRecord, epoch int64, ended []repository.Ended, mail ...repository.Message) (revoked []string, err error) {
	var batch pgx.Batch
	recorded := false
	batch.Queue(insertAudit+` FROM users WHERE id = $5::text::uuid AND session_epoch = $13 AND NOT disabled
		AND NOT EXISTS (SELECT 1 FROM revoked_sessions WHERE session_id = $7)`,
		append(auditArgs(login), epoch)...).Exec(func(tag pgconn.CommandTag) error {
		recorded = tag.RowsAffected() == 1
		return nil
	})
	for _, e := range ended {
		batch.Queue(revokeWith, append(revokeArgs(e.Revocation, e.Audit), login.ID)...).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 1 {
				revoked = append(revoked, e.Revocation.SessionID)
			}
			return nil
		})
	}
	for _, m := range mail {
		batch.Queue(insertMessage+` WHERE EXISTS (SELECT 1 FROM audit_log WHERE id = $7::uuid)`, append(messageArgs(m), login.ID)...)
	}
	if err := db.pool.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, storeError(err)
	}
	if !recorded {
		return nil, repository.ErrNotFound
	}
	return revoked, nil
}

// ListRevoked implements repository.Revocations.
func (db *DB) ListRevoked(ctx context.Context, userID string) ([]string, error) {
	rows, err := db.pool.Query(ctx, `SELECT session_id FROM revoked_sessions WHERE user_id = $1`, userID)
	if err != nil {
		return nil, storeError(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return list, storeError(err)
}

// PurgeRevocations implements repository.Revocations.
func (db *DB) PurgeRevocations(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := db.pool.Exec(ctx, `DELETE FROM revoked_sessions WHERE session_id IN
		(SELECT session_id FROM revoked_sessions WHERE expires_at < $1 LIMIT $2)`, before, limit)
	return int(tag.RowsAffected()), storeError(err)
}

func revokeArgs(r repository.Revocation, a repository.AuditRecord) []any {
	return append(auditArgs(a), r.SessionID, r.UserID, string(r.Reason), r.At, r.ExpiresAt)
}
