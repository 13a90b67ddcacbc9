package sqlite

import (
	"context"
	"database/sql"
	"time"

	"latchkey/repository"
)

const messageColumns = `id, kind, user_id, encrypted_message, created_at, expires_at, state, reason, attempts, due_at, ended_at`

const insertMessage = `
	INSERT INTO outbox (id, kind, user_id, encrypted_message, created_at, expires_at, due_at, state)
	VALUES (?1, ?2, NULLIF(?3, ''), ?4, ?5, ?6, ?5, 'queued')`

func messageArgs(m repository.Message) []any {
	return []any{m.ID, m.Kind, m.UserID, notNil(m.Sealed), micros(m.CreatedAt), micros(m.ExpiresAt)}
}

// notNil returns an empty slice for nil, which the driver would store as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// EnqueueMessage implements repository.Outbox.
func (db *DB) EnqueueMessage(ctx context.Context, m repository.Message) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return enqueue(ctx, tx, []repository.Message{m}) })
}

// RequestMessage implements repository.Outbox.
func (db *DB) RequestMessage(ctx context.Context, m repository.Message, by repository.Caller, a repository.AuditRecord) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, repository.PrivilegeAdministrator); err != nil {
			return err
		}
		if err := appendAudit(ctx, tx, a); err != nil {
			return err
		}
		return enqueue(ctx, tx, []repository.Message{m})
	})
}

// enqueue adds messages to the transaction of the change that they are about.
func enqueue(ctx context.Context, tx *sql.Tx, mail []repository.Message) error {
	for _, m := range mail {
		if _, err := tx.ExecContext(ctx, insertMessage, messageArgs(m)...); err != nil {
			return err
		}
	}
	return nil
}

// ClaimMessages implements repository.Outbox. It reads first, so that an idle worker does not
// write.
func (db *DB) ClaimMessages(ctx context.Context, now, until time.Time, limit int) (list []repository.QueuedMessage, err error) {
	var due bool
	err = db.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'queued' AND due_at <= ?)`, micros(now)).Scan(&due)
	if err != nil || !due {
		return nil, storeError(err)
	}
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		list, err = scanMessages(tx.QueryContext(ctx, `SELECT `+messageColumns+` FROM outbox
			WHERE state = 'queued' AND due_at <= ? ORDER BY due_at, created_at, id LIMIT ?`, micros(now), limit))
		for i := range list {
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE outbox SET due_at = ?, attempts = attempts + 1 WHERE id = ?`, micros(until), list[i].ID)
			}
			list[i].DueAt, list[i].Attempts = until, list[i].Attempts+1
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// AdmitMessage implements repository.Outbox.
func (db *DB) AdmitMessage(ctx context.Context, a repository.Admission) (admitted bool, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		admitted = false
		var before bool
		var count int
		if err := tx.QueryRowContext(ctx, `SELECT
			EXISTS (SELECT 1 FROM outbox WHERE id = ?1 AND admitted_at > 0),
			(SELECT count(*) FROM outbox WHERE recipient_hash = ?2 AND budget = ?3 AND admitted_at > ?4 AND recipient_hash <> '')`,
			a.MessageID, a.Recipient, a.Budget, micros(a.Since)).Scan(&before, &count); err != nil {
			return err
		}
		if before {
			admitted = true
			return linkIsLive(ctx, tx, a.Link, a.At)
		}
		if a.Max > 0 && count >= a.Max {
			return nil
		}
		if a.Link != nil {
			if err := bindLink(ctx, tx, *a.Link); err != nil {
				return err
			}
			made, err := makeLink(ctx, tx, *a.Link, a.MaxLinks, a.Replace, a.At)
			if err != nil || !made {
				return err
			}
		}
		admitted = true
		_, err := tx.ExecContext(ctx, `UPDATE outbox SET recipient_hash = ?, budget = ?, admitted_at = ? WHERE id = ?`,
			a.Recipient, a.Budget, micros(a.At), a.MessageID)
		return err
	})
	return admitted && err == nil, err
}

// EndMessage implements repository.Outbox.
func (db *DB) EndMessage(ctx context.Context, id string, end repository.MessageEnd) error {
	var ended int64
	if end.State != repository.MessageQueued {
		ended = micros(end.At)
	}
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE outbox SET state = ?2, reason = ?3, ended_at = ?4, due_at = ?5,
			encrypted_message = CASE WHEN ?2 IN ('sent', 'dropped') THEN x'' ELSE encrypted_message END
			WHERE id = ?1 AND state = 'queued' AND (attempts = ?6 OR ?2 = 'sent')`,
			id, string(end.State), end.Reason, ended, micros(end.DueAt), end.Attempt)
		return err
	})
}

// ListMessages implements repository.Outbox.
func (db *DB) ListMessages(ctx context.Context, q repository.MessageQuery) ([]repository.QueuedMessage, error) {
	query := `SELECT ` + messageColumns + ` FROM outbox WHERE true`
	var args []any
	if q.ID != "" {
		args = append(args, q.ID)
		query += ` AND id = ?`
	}
	if q.State != "" {
		args = append(args, string(q.State))
		query += ` AND state = ?`
	}
	return scanMessages(db.read.QueryContext(ctx, query+` ORDER BY created_at DESC, id DESC LIMIT ?`, append(args, q.Limit)...))
}

// RetryMessage implements repository.Outbox.
func (db *DB) RetryMessage(ctx context.Context, id string, now, expires time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return oneRow(tx.ExecContext(ctx, `UPDATE outbox SET state = 'queued', attempts = 0, ended_at = 0, due_at = ?, expires_at = ?
			WHERE id = ? AND state = 'dead'`, micros(now), micros(expires), id))
	})
}

// CountMessages implements repository.Outbox.
func (db *DB) CountMessages(ctx context.Context) (c repository.MessageCounts, err error) {
	var oldest int64
	err = db.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM outbox WHERE state = 'queued'), (SELECT count(*) FROM outbox WHERE state = 'dead'),
		COALESCE((SELECT min(created_at) FROM outbox WHERE state = 'queued'), 0)`).Scan(&c.Queued, &c.Dead, &oldest)
	c.Oldest = moment(oldest)
	return c, storeError(err)
}

// PurgeMessages implements repository.Outbox.
func (db *DB) PurgeMessages(ctx context.Context, before time.Time, limit int) (int, error) {
	return db.purge(ctx, `DELETE FROM outbox WHERE id IN (SELECT id FROM outbox
		WHERE ended_at > 0 AND ended_at < ?1 OR state = 'queued' AND expires_at < ?1 LIMIT ?2)`, micros(before), limit)
}

func scanMessages(rows *sql.Rows, err error) ([]repository.QueuedMessage, error) {
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
	var list []repository.QueuedMessage
	for rows.Next() {
		var m repository.QueuedMessage
		var user sql.NullString
		var created, expires, due, ended int64
		if err := rows.Scan(&m.ID, &m.Kind, &user, &m.Sealed, &created, &expires, &m.State, &m.Reason, &m.Attempts, &due, &ended); err != nil {
			return nil, storeError(err)
		}
		m.UserID = user.String
		m.CreatedAt, m.ExpiresAt, m.DueAt, m.EndedAt = moment(created), moment(expires), moment(due), moment(ended)
		list = append(list, m)
	}
	return list, storeError(rows.Err())
}

// oneRow returns sql.ErrNoRows if a statement changed no row.
func oneRow(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return sql.ErrNoRows
}
