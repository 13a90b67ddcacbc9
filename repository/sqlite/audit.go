package sqlite

import (
	"context"

	"latchkey/repository"
)

// AppendAudit implements repository.Audits.
func (db *DB) AppendAudit(ctx context.Context, a repository.AuditRecord) error {
	return storeError(appendAudit(ctx, db.write, a))
}

func appendAudit(ctx context.Context, e execer, a repository.AuditRecord) error {
	_, err := e.ExecContext(ctx, `
		INSERT INTO audit (id, at, event, outcome, user_id, actor_id, session_id, client_id, request_id, address, agent, key_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, micros(a.At), string(a.Event), a.Outcome, a.UserID, a.ActorID, a.SessionID, a.ClientID,
		a.RequestID, a.Address, a.Agent, a.KeyID)
	return err
}

// ListAudit implements repository.Audits.
func (db *DB) ListAudit(ctx context.Context, userID string, limit int) ([]repository.AuditRecord, error) {
	rows, err := db.read.QueryContext(ctx, `
		SELECT id, at, event, outcome, user_id, actor_id, session_id, client_id, request_id, address, agent, key_id
		FROM audit WHERE user_id = ? ORDER BY at DESC, id DESC LIMIT ?`, userID, limit)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
	var list []repository.AuditRecord
	for rows.Next() {
		var a repository.AuditRecord
		var at int64
		if err := rows.Scan(&a.ID, &at, &a.Event, &a.Outcome, &a.UserID, &a.ActorID, &a.SessionID, &a.ClientID,
			&a.RequestID, &a.Address, &a.Agent, &a.KeyID); err != nil {
			return nil, storeError(err)
		}
		a.At = moment(at)
		list = append(list, a)
	}
	return list, storeError(rows.Err())
}
