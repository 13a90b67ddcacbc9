package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const messageColumns = `id, kind, user_id, encrypted_message, created_at, expires_at, state, reason, attempts, due_at, ended_at`

// insertMessage takes messageArgs as $1 to $6. A WHERE clause may follow.
const insertMessage = `
	INSERT INTO outbox (id, kind, user_id, encrypted_message, created_at, expires_at, due_at, state)
	SELECT $1::uuid, $2, NULLIF($3, '')::uuid, $4::bytea, $5::timestamptz, $6::timestamptz, $5::timestamptz, 'queued'`

func messageArgs(m repository.Message) []any {
	return []any{m.ID, m.Kind, m.UserID, notNil(m.Sealed), m.CreatedAt, m.ExpiresAt}
}

// EnqueueMessage implements repository.Outbox.
func (db *DB) EnqueueMessage(ctx context.Context, m repository.Message) error {
	_, err := db.pool.Exec(ctx, insertMessage, messageArgs(m)...)
	return storeError(err)
}

// RequestMessage implements repository.Outbox.
func (db *DB) RequestMessage(ctx context.Context, m repository.Message, by repository.Caller, a repository.AuditRecord) error {
	_, err := db.changeBy(ctx, by, repository.PrivilegeAdministrator, a, []repository.Message{m}, `SELECT 0::bigint AS n FROM allowed`)
	return err
}

// enqueue adds messages to the transaction of the change that they are about.
func enqueue(ctx context.Context, tx pgx.Tx, mail []repository.Message) error {
	for _, m := range mail {
		if _, err := tx.Exec(ctx, insertMessage, messageArgs(m)...); err != nil {
			return err
		}
	}
	return nil
}

// ClaimMessages implements repository.Outbox.
func (db *DB) ClaimMessages(ctx context.Context, now, until time.Time, limit int) ([]repository.QueuedMessage, error) {
	return scanMessages(db.pool.Query(ctx, `
		WITH due AS (
			SELECT id AS due_id FROM outbox WHERE state = 'queued' AND due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
		), claimed AS (
			UPDATE outbox SET due_at = $2, attempts = attempts + 1 FROM due WHERE id = due_id RETURNING `+messageColumns+`
		)
		SELECT `+messageColumns+` FROM claimed ORDER BY created_at, id`, now, until, limit))
}

// AdmitMessage implements repository.Outbox.
func (db *DB) AdmitMessage(ctx context.Context, a repository.Admission) (admitted bool, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		// Messages of one recipient are admitted one after another, so that each sees the
		// messages before it.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "latchkey mail "+a.Recipient); err != nil {
			return err
		}
		var before bool
		var count int
		if err := tx.QueryRow(ctx, `SELECT
			EXISTS (SELECT 1 FROM outbox WHERE id = $1 AND admitted_at IS NOT NULL),
			(SELECT count(*) FROM outbox WHERE recipient_hash = $2 AND budget = $3 AND admitted_at > $4)`,
			a.MessageID, a.Recipient, a.Budget, a.Since).Scan(&before, &count); err != nil {
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
		_, err := tx.Exec(ctx, `UPDATE outbox SET recipient_hash = $2, budget = $3, admitted_at = $4 WHERE id = $1`,
			a.MessageID, a.Recipient, a.Budget, a.At)
		return err
	})
	return admitted && err == nil, err
}

// EndMessage implements repository.Outbox.
func (db *DB) EndMessage(ctx context.Context, id string, end repository.MessageEnd) error {
	var ended *time.Time
	if end.State != repository.MessageQueued {
		ended = &end.At
	}
	_, err := db.pool.Exec(ctx, `UPDATE outbox SET state = $2, reason = $3, ended_at = $4, due_at = $5,
		encrypted_message = CASE WHEN $2 IN ('sent', 'dropped') THEN '' ELSE encrypted_message END
		WHERE id = $1 AND state = 'queued' AND (attempts = $6 OR $2 = 'sent')`,
		id, string(end.State), end.Reason, ended, end.DueAt, end.Attempt)
	return storeError(err)
}

// ListMessages implements repository.Outbox.
func (db *DB) ListMessages(ctx context.Context, q repository.MessageQuery) ([]repository.QueuedMessage, error) {
	query := `SELECT ` + messageColumns + ` FROM outbox WHERE true`
	var args []any
	if q.ID != "" {
		args = append(args, q.ID)
		query += ` AND id = $` + strconv.Itoa(len(args)) + `::text::uuid`
	}
	if q.State != "" {
		args = append(args, string(q.State))
		query += ` AND state = $` + strconv.Itoa(len(args))
	}
	args = append(args, q.Limit)
	return scanMessages(db.pool.Query(ctx, query+` ORDER BY created_at DESC, id DESC LIMIT $`+strconv.Itoa(len(args)), args...))
}

// RetryMessage implements repository.Outbox.
func (db *DB) RetryMessage(ctx context.Context, id string, now, expires time.Time) error {
	tag, err := db.pool.Exec(ctx, `UPDATE outbox SET state = 'queued', attempts = 0, ended_at = NULL, due_at = $2, expires_at = $3
		WHERE id = $1 AND state = 'dead'`, id, now, expires)
	if err == nil && tag.RowsAffected() == 0 {
		return repository.ErrNotFound
	}
	return storeError(err)
}

// CountMessages implements repository.Outbox.
func (db *DB) CountMessages(ctx context.Context) (c repository.MessageCounts, err error) {
	var oldest *time.Time
	err = db.pool.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM outbox WHERE state = 'queued'), (SELECT count(*) FROM outbox WHERE state = 'dead'),
		(SELECT min(created_at) FROM outbox WHERE state = 'queued')`).Scan(&c.Queued, &c.Dead, &oldest)
	c.Oldest = moment(oldest)
	return c, storeError(err)
}

// PurgeMessages implements repository.Outbox.
func (db *DB) PurgeMessages(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := db.pool.Exec(ctx, `DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE ended_at < $1 OR state = 'queued' AND expires_at < $1 LIMIT $2)`, before, limit)
	return int(tag.RowsAffected()), storeError(err)
}

func scanMessages(rows pgx.Rows, err error) ([]repository.QueuedMessage, error) {
	if err != nil {
		return nil, storeError(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m repository.QueuedMessage, err error) {
		var user *string
		var ended *time.Time
		err = row.Scan(&m.ID, &m.Kind, &user, &m.Sealed, &m.CreatedAt, &m.ExpiresAt, (*string)(&m.State), &m.Reason, &m.Attempts, &m.DueAt, &ended)
		if user != nil {
			m.UserID = *user
		}
		m.Sealed, m.CreatedAt, m.ExpiresAt, m.DueAt, m.EndedAt = orNil(m.Sealed), m.CreatedAt.UTC(), m.ExpiresAt.UTC(), m.DueAt.UTC(), moment(ended)
		return m, err
	})
	return list, storeError(err)
}
