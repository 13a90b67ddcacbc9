package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"latchkey/repository"
)

const clientColumns = `id, name, public, first_party, disabled, grants, scopes, redirect_uris, secret, previous_secret,
	previous_until, access_ttl, idle_ttl, absolute_ttl, created_at, updated_at, pkce_optional, managed, audiences`

// CreateClient implements repository.Clients.
func (db *DB) CreateClient(ctx context.Context, c repository.Client, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			INSERT INTO clients (`+clientColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.ID, c.Name, c.Public, c.FirstParty, c.Disabled, join(c.Grants), join(c.Scopes), join(c.RedirectURIs),
			string(c.Secret), string(c.PreviousSecret), micros(c.PreviousUntil),
			c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), micros(c.CreatedAt), micros(c.UpdatedAt),
			c.PKCEOptional, c.Managed, join(c.Audiences))
	})
}

// FindClient implements repository.Clients.
func (db *DB) FindClient(ctx context.Context, id string) (repository.Client, error) {
	return scanClient(db.read.QueryRowContext(ctx, `SELECT `+clientColumns+` FROM clients WHERE id = ? AND deleted_at = 0`, id))
}

// ListClients implements repository.Clients.
func (db *DB) ListClients(ctx context.Context, after string, limit int) ([]repository.Client, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+clientColumns+` FROM clients
		WHERE id > ? AND deleted_at = 0 ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
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

func scanClient(row interface{ Scan(...any) error }) (repository.Client, error) {
	var c repository.Client
	var grants, scopes, uris, audiences string
	var previousUntil, access, idle, absolute, created, updated int64
	err := row.Scan(&c.ID, &c.Name, &c.Public, &c.FirstParty, &c.Disabled, &grants, &scopes, &uris,
		&c.Secret, &c.PreviousSecret, &previousUntil, &access, &idle, &absolute, &created, &updated,
		&c.PKCEOptional, &c.Managed, &audiences)
	if err != nil {
		return repository.Client{}, storeError(err)
	}
	c.Grants, c.Scopes, c.RedirectURIs, c.Audiences = split(grants), split(scopes), split(uris), split(audiences)
	c.AccessTTL, c.IdleTTL, c.AbsoluteTTL = duration(access), duration(idle), duration(absolute)
	c.PreviousUntil, c.CreatedAt, c.UpdatedAt = moment(previousUntil), moment(created), moment(updated)
	return c, nil
}

// UpdateClient implements repository.Clients.
func (db *DB) UpdateClient(ctx context.Context, c repository.Client, was time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE clients SET name = ?3, first_party = ?4, disabled = ?5, grants = ?6, scopes = ?7, redirect_uris = ?8,
				access_ttl = ?9, idle_ttl = ?10, absolute_ttl = ?11, updated_at = ?12, pkce_optional = ?13, managed = ?14, audiences = ?15
			WHERE id = ?1 AND updated_at = ?2 AND deleted_at = 0`,
			c.ID, micros(was), c.Name, c.FirstParty, c.Disabled, join(c.Grants), join(c.Scopes), join(c.RedirectURIs),
			c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), micros(c.UpdatedAt),
			c.PKCEOptional, c.Managed, join(c.Audiences))
	})
}

// RotateClientSecret implements repository.Clients.
func (db *DB) RotateClientSecret(ctx context.Context, id string, secret repository.SecretHash, keep, at time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE clients SET previous_secret = secret, previous_until = ?3, secret = ?2, updated_at = ?4
			WHERE id = ?1 AND public = 0 AND secret <> ?2 AND deleted_at = 0`, id, string(secret), micros(keep), micros(at))
	})
}

// DeleteClient implements repository.Clients.
func (db *DB) DeleteClient(ctx context.Context, id string, at time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE clients SET deleted_at = ?2, secret = '', previous_secret = '' WHERE id = ?1 AND deleted_at = 0`, id, micros(at))
	})
}

// asAdministrator makes a change and records it, in one transaction, if the caller
// may. A change of no row is ErrNotFound.
func (db *DB) asAdministrator(ctx context.Context, by repository.Caller, a repository.AuditRecord, change func(ctx context.Context, tx *sql.Tx) (sql.Result, error)) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, repository.PrivilegeAdministrator); err != nil {
			return err
		}
		res, err := change(ctx, tx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return sql.ErrNoRows
		}
		return appendAudit(ctx, tx, a)
	})
}

// join writes a list of words; split reads it.
func join(words []string) string { return strings.Join(words, " ") }

func split(words string) []string { return append([]string{}, strings.Fields(words)...) }

func duration(us int64) time.Duration { return time.Duration(us) * time.Microsecond }
