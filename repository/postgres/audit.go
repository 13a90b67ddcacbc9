package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"latchkey/repository"
)

// AppendAudit implements repository.Audits.
func (db *DB) AppendAudit(ctx context.Context, a repository.AuditRecord) (added bool, err error) {
	tag, err := db.pool.Exec(ctx, insertAudit+` ON CONFLICT (id) DO NOTHING`, auditArgs(a)...)
	return tag.RowsAffected() == 1, storeError(err)
}

// insertAudit takes auditArgs as $1 to $12. A FROM clause may follow; the record is written
// once for each of its rows.
const insertAudit = `
	INSERT INTO audit_log (id, occurred_at, event, outcome, user_id, actor_id, session_id, client_id, key_id, request_id, ip_address, user_agent)
	SELECT $1::uuid, $2::timestamptz, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12`

// auditArgs returns the values of an audit record in the order of the columns.
func auditArgs(a repository.AuditRecord) []any {
	return []any{
		a.ID, a.At, string(a.Event), a.Outcome, a.UserID, a.ActorID, a.SessionID, a.ClientID,
		a.KeyID, a.RequestID, a.Address, a.Agent,
	}
}

// infrequent is the condition of the index audit_log_event, which a query must repeat to use it.
const infrequent = "event NOT IN ('login', 'login_failed', 'session_ended')"

// ListAudit implements repository.Audits.
func (db *DB) ListAudit(ctx context.Context, q repository.AuditQuery) ([]repository.AuditRecord, error) {
	query := `SELECT id, occurred_at, event, outcome, user_id, actor_id, session_id, client_id, key_id, request_id, ip_address, user_agent FROM audit_log WHERE true`
	var args []any
	where := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
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
		where("occurred_at < ?", q.Until)
	}
	if !q.Since.IsZero() {
		where("occurred_at >= ?", q.Since)
	}
	if q.After.ID != "" {
		where("(occurred_at, id) < (?::timestamptz, ?::uuid)", q.After.At, q.After.ID)
	}
	args = append(args, q.Limit)
	rows, err := db.pool.Query(ctx, query+" ORDER BY occurred_at DESC, id DESC LIMIT $"+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, storeError(err)
	}
	defer rows.Close()
	var list []repository.AuditRecord
	for rows.Next() {
		var a repository.AuditRecord
		if err := rows.Scan(&a.ID, &a.At, (*string)(&a.Event), &a.Outcome, &a.UserID, &a.ActorID, &a.SessionID, &a.ClientID,
			&a.KeyID, &a.RequestID, &a.Address, &a.Agent); err != nil {
			return nil, storeError(err)
		}
		a.At = a.At.UTC()
		list = append(list, a)
	}
	return list, storeError(rows.Err())
}

// PurgeAudit implements repository.Audits.
func (db *DB) PurgeAudit(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := db.pool.Exec(ctx, `DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE occurred_at < $1 ORDER BY occurred_at LIMIT $2)`, before, limit)
	return int(tag.RowsAffected()), storeError(err)
}
