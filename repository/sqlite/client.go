package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"latchkey/repository"
)

const clientColumns = `id, name, public, first_party, managed_by_file, pkce_optional, disabled, grant_types, scopes, audiences, redirect_uris,
	secret_hash, previous_secret_hash, previous_secret_expires_at, access_ttl, idle_ttl, absolute_ttl, created_at, updated_at`

// CreateClient implements repository.Clients.
func (db *DB) CreateClient(ctx context.Context, c repository.Client, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			INSERT INTO clients (`+clientColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.ID, c.Name, c.Public, c.FirstParty, c.Managed, c.PKCEOptional, c.Disabled, join(c.Grants), join(c.Scopes), join(c.Audiences), join(c.RedirectURIs),
			string(c.Secret), string(c.PreviousSecret), micros(c.PreviousUntil),
			c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), micros(c.CreatedAt), micros(c.UpdatedAt))
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
	err := row.Scan(&c.ID, &c.Name, &c.Public, &c.FirstParty, &c.Managed, &c.PKCEOptional, &c.Disabled, &grants, &scopes, &audiences, &uris,
		&c.Secret, &c.PreviousSecret, &previousUntil, &access, &idle, &absolute, &created, &updated)
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
			UPDATE clients SET name = ?3, first_party = ?4, managed_by_file = ?5, pkce_optional = ?6, disabled = ?7, grant_types = ?8, scopes = ?9,
				audiences = ?10, redirect_uris = ?11, access_ttl = ?12, idle_ttl = ?13, absolute_ttl = ?14, updated_at = ?15
			WHERE id = ?1 AND updated_at = ?2 AND deleted_at = 0`,
			c.ID, micros(was), c.Name, c.FirstParty, c.Managed, c.PKCEOptional, c.Disabled, join(c.Grants), join(c.Scopes),
			join(c.Audiences), join(c.RedirectURIs),
			c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), micros(c.UpdatedAt))
	})
}

// RotateClientSecret implements repository.Clients.
func (db *DB) RotateClientSecret(ctx context.Context, id string, secret repository.SecretHash, keep, at time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE clients SET previous_secret_hash = secret_hash, previous_secret_expires_at = ?3, secret_hash = ?2,
				updated_at = max(?4, updated_at + 1)
			WHERE id = ?1 AND public = 0 AND secret_hash <> ?2 AND deleted_at = 0`, id, string(secret), micros(keep), micros(at))
	})
}

// DeleteClient implements repository.Clients.
func (db *DB) DeleteClient(ctx context.Context, id string, at time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, func(ctx context.Context, tx *sql.Tx) (sql.Result, error) {
		return tx.ExecContext(ctx, `
			UPDATE clients SET deleted_at = ?2, secret_hash = '', previous_secret_hash = '' WHERE id = ?1 AND deleted_at = 0`, id, micros(at))
	})
}

// asAdministrator makes a change and writes its audit record in one transaction. It returns
// ErrNotAllowed unless the caller is an administrator, and ErrNotFound if no row changed.
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

// join encodes a list of words for a column. split decodes it.
func join(words []string) string { return strings.Join(words, " ") }

func split(words string) []string { return append([]string{}, strings.Fields(words)...) }

func duration(us int64) time.Duration { return time.Duration(us) * time.Microsecond }
