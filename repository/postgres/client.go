package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const clientColumns = `id, name, public, first_party, disabled, grants, scopes, redirect_uris, secret, previous_secret,
	previous_until, access_ttl, idle_ttl, absolute_ttl, created_at, updated_at`

// CreateClient implements repository.Clients.
func (db *DB) CreateClient(ctx context.Context, c repository.Client, actor string, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, actor, a, func(tx pgx.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, `
			INSERT INTO clients (`+clientColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			c.ID, c.Name, c.Public, c.FirstParty, c.Disabled, list(c.Grants), list(c.Scopes), list(c.RedirectURIs),
			string(c.Secret), string(c.PreviousSecret), maybe(c.PreviousUntil),
			c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), c.CreatedAt, c.UpdatedAt)
		return tag.RowsAffected(), err
	})
}

// FindClient implements repository.Clients.
func (db *DB) FindClient(ctx context.Context, id string) (repository.Client, error) {
	return scanClient(db.pool.QueryRow(ctx, `SELECT `+clientColumns+` FROM clients WHERE id = $1 AND deleted_at IS NULL`, id))
}

// ListClients implements repository.Clients.
func (db *DB) ListClients(ctx context.Context, after string, limit int) ([]repository.Client, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+clientColumns+` FROM clients
		WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, storeError(err)
	}
	defer rows.Close()
	var clients []repository.Client
	for rows.Next() {
		c, err := scanClient(rows)
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, storeError(rows.Err())
}

func scanClient(row pgx.Row) (repository.Client, error) {
	var c repository.Client
	var previousUntil *time.Time
	var access, idle, absolute int64
	err := row.Scan(&c.ID, &c.Name, &c.Public, &c.FirstParty, &c.Disabled, &c.Grants, &c.Scopes, &c.RedirectURIs,
		(*string)(&c.Secret), (*string)(&c.PreviousSecret), &previousUntil, &access, &idle, &absolute, &c.CreatedAt, &c.UpdatedAt)
	if err != nil {
		return repository.Client{}, storeError(err)
	}
	c.AccessTTL, c.IdleTTL, c.AbsoluteTTL = duration(access), duration(idle), duration(absolute)
	c.PreviousUntil, c.CreatedAt, c.UpdatedAt = moment(previousUntil), c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	return c, nil
}

// UpdateClient implements repository.Clients.
func (db *DB) UpdateClient(ctx context.Context, c repository.Client, was time.Time, actor string, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, actor, a, func(tx pgx.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, `
			UPDATE clients SET name = $3, first_party = $4, disabled = $5, grants = $6, scopes = $7, redirect_uris = $8,
				access_ttl = $9, idle_ttl = $10, absolute_ttl = $11, updated_at = $12
			WHERE id = $1 AND updated_at = $2 AND deleted_at IS NULL`,
			c.ID, was, c.Name, c.FirstParty, c.Disabled, list(c.Grants), list(c.Scopes), list(c.RedirectURIs),
			c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), c.UpdatedAt)
		return tag.RowsAffected(), err
	})
}

// RotateClientSecret implements repository.Clients.
func (db *DB) RotateClientSecret(ctx context.Context, id string, secret repository.SecretHash, keep, at time.Time, actor string, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, actor, a, func(tx pgx.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, `
			UPDATE clients SET previous_secret = secret, previous_until = $3, secret = $2, updated_at = $4
			WHERE id = $1 AND NOT public AND deleted_at IS NULL`, id, string(secret), keep, at)
		return tag.RowsAffected(), err
	})
}

// DeleteClient implements repository.Clients.
func (db *DB) DeleteClient(ctx context.Context, id string, at time.Time, actor string, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, actor, a, func(tx pgx.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, `
			UPDATE clients SET deleted_at = $2, secret = '', previous_secret = '' WHERE id = $1 AND deleted_at IS NULL`, id, at)
		return tag.RowsAffected(), err
	})
}

// asAdministrator makes a change and records it, in one transaction, if the actor
// is an administrator; an empty actor is the operator. A change of no row is
// ErrNotFound.
func (db *DB) asAdministrator(ctx context.Context, actor string, a repository.AuditRecord, change func(tx pgx.Tx) (rows int64, err error)) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if actor != "" {
			tag, err := tx.Exec(ctx, `SELECT 1 FROM users WHERE id = $1 AND privilege = 2 AND NOT disabled FOR SHARE`, actor)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				return repository.ErrNotAllowed
			}
		}
		n, err := change(tx)
		if err != nil {
			return err
		}
		if n == 0 {
			return pgx.ErrNoRows
		}
		_, err = tx.Exec(ctx, insertAudit, auditArgs(a)...)
		return err
	})
}

// list is never nil, which would be NULL.
func list(s []string) []string { return append([]string{}, s...) }

func duration(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// maybe writes a time that may be absent.
func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
