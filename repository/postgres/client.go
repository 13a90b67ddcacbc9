package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const clientColumns = `id, name, public, first_party, disabled, grants, scopes, redirect_uris, secret, previous_secret,
	previous_until, access_ttl, idle_ttl, absolute_ttl, created_at, updated_at, pkce_optional, managed, audiences`

// CreateClient implements repository.Clients.
func (db *DB) CreateClient(ctx context.Context, c repository.Client, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, `
		INSERT INTO clients (`+clientColumns+`)
		SELECT $17, $18, $19::boolean, $20::boolean, $21::boolean, $22::text[], $23::text[], $24::text[], $25, $26,
			$27::timestamptz, $28::bigint, $29::bigint, $30::bigint, $31::timestamptz, $32::timestamptz,
			$33::boolean, $34::boolean, $35::text[] FROM allowed`,
		c.ID, c.Name, c.Public, c.FirstParty, c.Disabled, list(c.Grants), list(c.Scopes), list(c.RedirectURIs),
		string(c.Secret), string(c.PreviousSecret), maybe(c.PreviousUntil),
		c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), c.CreatedAt, c.UpdatedAt,
		c.PKCEOptional, c.Managed, list(c.Audiences))
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
		(*string)(&c.Secret), (*string)(&c.PreviousSecret), &previousUntil, &access, &idle, &absolute, &c.CreatedAt, &c.UpdatedAt,
		&c.PKCEOptional, &c.Managed, &c.Audiences)
	if err != nil {
		return repository.Client{}, storeError(err)
	}
	c.AccessTTL, c.IdleTTL, c.AbsoluteTTL = duration(access), duration(idle), duration(absolute)
	c.PreviousUntil, c.CreatedAt, c.UpdatedAt = moment(previousUntil), c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	return c, nil
}

// UpdateClient implements repository.Clients.
func (db *DB) UpdateClient(ctx context.Context, c repository.Client, was time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, `
		UPDATE clients SET name = $19, first_party = $20, disabled = $21, grants = $22, scopes = $23, redirect_uris = $24,
			access_ttl = $25, idle_ttl = $26, absolute_ttl = $27, updated_at = $28, pkce_optional = $29, managed = $30, audiences = $31
		FROM allowed WHERE id = $17 AND updated_at = $18 AND deleted_at IS NULL`,
		c.ID, was, c.Name, c.FirstParty, c.Disabled, list(c.Grants), list(c.Scopes), list(c.RedirectURIs),
		c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), c.UpdatedAt,
		c.PKCEOptional, c.Managed, list(c.Audiences))
}

// RotateClientSecret implements repository.Clients.
func (db *DB) RotateClientSecret(ctx context.Context, id string, secret repository.SecretHash, keep, at time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, `
		UPDATE clients SET previous_secret = secret, previous_until = $19, secret = $18, updated_at = $20
		FROM allowed WHERE id = $17 AND NOT public AND secret <> $18 AND deleted_at IS NULL`, id, string(secret), keep, at)
}

// DeleteClient implements repository.Clients.
func (db *DB) DeleteClient(ctx context.Context, id string, at time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, `
		UPDATE clients SET deleted_at = $18, secret = '', previous_secret = ''
		FROM allowed WHERE id = $17 AND deleted_at IS NULL`, id, at)
}

// asAdministrator makes a change of one client as changeBy does.
func (db *DB) asAdministrator(ctx context.Context, by repository.Caller, a repository.AuditRecord, change string, args ...any) error {
	_, err := db.changeBy(ctx, by, repository.PrivilegeAdministrator, a, change+` RETURNING 0::bigint AS n`, args...)
	return err
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
