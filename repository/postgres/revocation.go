package postgres

import (
	"context"

	"latchkey/repository"
)

// revokeSQL inserts into revoked_sessions and, only where that wrote, into the
// audit log: $1 to $5 are revokeArgs, $6 to $16 auditArgs.
const revokeSQL = `
	WITH revoked AS (
		INSERT INTO revoked_sessions (session_id, user_id, reason, revoked_at, expires_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
		RETURNING session_id
	)`

const insertAuditOfRevoked = `
	INSERT INTO audit (id, at, event, outcome, user_id, actor_id, session_id, client_id, request_id, address, agent)
	SELECT $6::uuid, $7::timestamptz, $8, $9, $10, $11, $12, $13, $14, $15, $16 FROM revoked`

// RevokeSession implements repository.Revocations.
func (db *DB) RevokeSession(ctx context.Context, r repository.Revocation, a repository.AuditRecord) (first bool, err error) {
	tag, err := db.pool.Exec(ctx, revokeSQL+insertAuditOfRevoked, append(revokeArgs(r), auditArgs(a)...)...)
	if err != nil {
		return false, storeError(err)
	}
	return tag.RowsAffected() == 1, nil
}

// RecordLogin implements repository.Revocations.
func (db *DB) RecordLogin(ctx context.Context, login repository.AuditRecord, replaced *repository.Replaced) error {
	if replaced == nil {
		return db.AppendAudit(ctx, login)
	}
	args := append(revokeArgs(replaced.Revocation), auditArgs(replaced.Audit)...)
	_, err := db.pool.Exec(ctx, revokeSQL+insertAuditOfRevoked+`
		UNION ALL
		SELECT $17::uuid, $18::timestamptz, $19, $20, $21, $22, $23, $24, $25, $26, $27`,
		append(args, auditArgs(login)...)...)
	return storeError(err)
}

func revokeArgs(r repository.Revocation) []any {
	return []any{r.SessionID, r.UserID, string(r.Reason), r.At, r.ExpiresAt}
}
