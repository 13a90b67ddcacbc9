package sqlite

import (
	"context"
	"database/sql"
	"time"

	"latchkey/repository"
)

// AppendAudit implements repository.Audits.
func (db *DB) AppendAudit(ctx context.Context, a repository.AuditRecord) (added bool, err error) {
	res, err := db.write.ExecContext(ctx, insertAudit+` ON CONFLICT (id) DO NOTHING`, auditArgs(a)...)
	if err != nil {
		return false, storeError(err)
	}
	n, err := res.RowsAffected()
	return n == 1, storeError(err)
}

const insertAudit = `
	INSERT INTO audit_log (id, occurred_at, event, outcome, user_id, actor_id, session_id, client_id, key_id, request_id, ip_address, user_agent)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// auditArgs returns the values of an audit record in the order of the columns.
func auditArgs(a repository.AuditRecord) []any {
	return []any{
		a.ID, micros(a.At), string(a.Event), a.Outcome, a.UserID, a.ActorID, a.SessionID, a.ClientID,
		a.KeyID, a.RequestID, a.Address, a.Agent,
	}
}

func appendAudit(ctx context.Context, tx *sql.Tx, a repository.AuditRecord) error {
	_, err := tx.ExecContext(ctx, insertAudit, auditArgs(a)...)
	return err
}

// infrequent is the condition of the index audit_log_event, which a query must repeat to use it.
const infrequent = "event NOT IN ('login', 'login_failed', 'session_ended')"

// ListAudit implements repository.Audits.
func (db *DB) ListAudit(ctx context.Context, q repository.AuditQuery) ([]repository.AuditRecord, error) {
	query := `SELECT id, occurred_at, event, outcome, user_id, actor_id, session_id, client_id, key_id, request_id, ip_address, user_agent FROM audit_log WHERE true`
	var args []any
	where := func(condition string, values ...any) {
		args = append(args, values...)
		query += " AND " + condition
	}
	if q.UserID != "" {
		where("user_id = ?", q.UserID)
	}
	if q.ActorID != "" {
		where("actor_id = ? AND actor_id <> ''", q.ActorID)
	}
	if q.Event != "" {
		where("event = ?", string(q.Event))
		if !q.Event.Frequent() {
			where(infrequent)
		}
	}
	if !q.Until.IsZero() {
		where("occurred_at < ?", micros(q.Until))
	}
	if !q.Since.IsZero() {
		where("occurred_at >= ?", micros(q.Since))
	}
	if q.After.ID != "" {
		where("(occurred_at, id) < (?, ?)", micros(q.After.At), q.After.ID)
	}
	rows, err := db.read.QueryContext(ctx, query+" ORDER BY occurred_at DESC, id DESC LIMIT ?", append(args, q.Limit)...)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
	var list []repository.AuditRecord
	for rows.Next() {
		var a repository.AuditRecord
		var at int64
		if err := rows.Scan(&a.ID, &at, &a.Event, &a.Outcome, &a.UserID, &a.ActorID, &a.SessionID, &a.ClientID,
			&a.KeyID, &a.RequestID, &a.Address, &a.Agent); err != nil {
			return nil, storeError(err)
		}
		a.At = moment(at)
		list = append(list, a)
	}
	return list, storeError(rows.Err())
}

// PurgeAudit implements repository.Audits.
func (db *DB) PurgeAudit(ctx context.Context, before time.Time, limit int) (int, error) {
	res, err := db.write.ExecContext(ctx, `DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE occurred_at < ? ORDER BY occurred_at LIMIT ?)`, micros(before), limit)
	if err != nil {
		return 0, storeError(err)
	}
	n, err := res.RowsAffected()
	return int(n), storeError(err)
}
