package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const clientColumns = `id, name, public, first_party, managed_by_file, pkce_optional, disabled, grant_types, scopes, audiences, redirect_uris,
	secret_hash, previous_secret_hash, previous_secret_expires_at, access_ttl, idle_ttl, absolute_ttl, created_at, updated_at`

// CreateClient implements repository.Clients.
func (db *DB) CreateClient(ctx context.Context, c repository.Client, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, `
		INSERT INTO clients (`+clientColumns+`)
		SELECT $17, $18, $19::boolean, $20::boolean, $21::boolean, $22::boolean, $23::boolean, $24::text[], $25::text[], $26::text[], $27::text[],
			$28, $29, $30::timestamptz, $31::bigint, $32::bigint, $33::bigint, $34::timestamptz, $35::timestamptz FROM allowed`,
		c.ID, c.Name, c.Public, c.FirstParty, c.Managed, c.PKCEOptional, c.Disabled, list(c.Grants), list(c.Scopes), list(c.Audiences), list(c.RedirectURIs),
		string(c.Secret), string(c.PreviousSecret), maybe(c.PreviousUntil),
		c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), c.CreatedAt, c.UpdatedAt)
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
	err := row.Scan(&c.ID, &c.Name, &c.Public, &c.FirstParty, &c.Managed, &c.PKCEOptional, &c.Disabled, &c.Grants, &c.Scopes, &c.Audiences, &c.RedirectURIs,
		(*string)(&c.Secret), (*string)(&c.PreviousSecret), &previousUntil, &access, &idle, &absolute, &c.CreatedAt, &c.UpdatedAt)
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
		UPDATE clients SET name = $19, first_party = $20, managed_by_file = $21, pkce_optional = $22, disabled = $23, grant_types = $24, scopes = $25,
			audiences = $26, redirect_uris = $27, access_ttl = $28, idle_ttl = $29, absolute_ttl = $30, updated_at = $31
		FROM allowed WHERE id = $17 AND updated_at = $18 AND deleted_at IS NULL`,
		c.ID, was, c.Name, c.FirstParty, c.Managed, c.PKCEOptional, c.Disabled, list(c.Grants), list(c.Scopes),
		list(c.Audiences), list(c.RedirectURIs),
		c.AccessTTL.Microseconds(), c.IdleTTL.Microseconds(), c.AbsoluteTTL.Microseconds(), c.UpdatedAt)
}

// RotateClientSecret implements repository.Clients.
func (db *DB) RotateClientSecret(ctx context.Context, id string, secret repository.SecretHash, keep, at time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, `
		UPDATE clients SET previous_secret_hash = secret_hash, previous_secret_expires_at = $19, secret_hash = $18,
			updated_at = GREATEST($20, clients.updated_at + interval '1 microsecond')
		FROM allowed WHERE id = $17 AND NOT public AND secret_hash <> $18 AND deleted_at IS NULL`, id, string(secret), keep, at)
}

// DeleteClient implements repository.Clients.
func (db *DB) DeleteClient(ctx context.Context, id string, at time.Time, by repository.Caller, a repository.AuditRecord) error {
	return db.asAdministrator(ctx, by, a, `
		UPDATE clients SET deleted_at = $18, secret_hash = '', previous_secret_hash = ''
		FROM allowed WHERE id = $17 AND deleted_at IS NULL`, id, at)
}

// asAdministrator changes one client by changeBy. The caller must be an administrator.
func (db *DB) asAdministrator(ctx context.Context, by repository.Caller, a repository.AuditRecord, change string, args ...any) error {
	_, err := db.changeBy(ctx, by, repository.PrivilegeAdministrator, a, nil, change+` RETURNING 0::bigint AS n`, args...)
	return err
}

// list returns a copy that is never nil, because nil would be NULL.
func list(s []string) []string { return append([]string{}, s...) }

func duration(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// maybe encodes a time. The zero time is NULL.
func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
