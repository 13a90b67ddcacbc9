package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const userColumns = `u.id, u.username, u.username_key, u.email, u.email_key, u.password_hash, u.privilege,
	u.disabled, u.session_epoch, u.kept_session, u.created_at, u.updated_at`

// CreateUser implements repository.Users.
func (db *DB) CreateUser(ctx context.Context, u repository.User, actor string, a repository.AuditRecord) error {
	tag, err := db.pool.Exec(ctx, `
		WITH created AS (
			INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege,
				disabled, session_epoch, kept_session, created_at, updated_at)
			SELECT $1::uuid, $2, $3, $4, $5, $6, $7::smallint, $8::boolean, $9::bigint, $10, $11::timestamptz, $12::timestamptz
			WHERE $13::text = '' OR EXISTS (
				SELECT 1 FROM users WHERE id = NULLIF($13, '')::uuid AND privilege = 2 AND NOT disabled)
			RETURNING id
		)
		INSERT INTO audit (id, at, event, outcome, user_id, actor_id, session_id, client_id, request_id, address, agent)
		SELECT $14::uuid, $15::timestamptz, $16, $17, $18, $19, $20, $21, $22, $23, $24 FROM created`,
		append([]any{
			u.ID, u.Username, u.UsernameKey, u.Email, u.EmailKey, string(u.PasswordHash), u.Privilege,
			u.Disabled, u.SessionEpoch, u.KeptSession, u.CreatedAt, u.UpdatedAt, actor,
		}, auditArgs(a)...)...)
	if err != nil {
		return storeError(err)
	}
	if tag.RowsAffected() == 0 {
		return repository.ErrNotAllowed
	}
	return nil
}

// FindUserByID implements repository.Users.
func (db *DB) FindUserByID(ctx context.Context, id string) (repository.User, error) {
	return scanUser(db.pool.QueryRow(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id))
}

// FindUserByUsername implements repository.Users.
func (db *DB) FindUserByUsername(ctx context.Context, key string) (repository.User, error) {
	return scanUser(db.pool.QueryRow(ctx, `SELECT `+userColumns+` FROM users u WHERE u.username_key = $1`, key))
}

// FindUserByEmail implements repository.Users.
func (db *DB) FindUserByEmail(ctx context.Context, key string) (repository.User, error) {
	return scanUser(db.pool.QueryRow(ctx, `SELECT `+userColumns+` FROM users u WHERE u.email_key = $1`, key))
}

// FindUserOfSession implements repository.Users.
func (db *DB) FindUserOfSession(ctx context.Context, userID, sessionID string) (repository.User, bool, error) {
	var revoked bool
	u, err := scanUser(db.pool.QueryRow(ctx, `
		SELECT `+userColumns+`, EXISTS (SELECT 1 FROM revoked_sessions r WHERE r.session_id = $2)
		FROM users u WHERE u.id = $1`, userID, sessionID), &revoked)
	return u, revoked, err
}

// scanUser reads userColumns, and what a query has after them.
func scanUser(row pgx.Row, more ...any) (repository.User, error) {
	var u repository.User
	err := row.Scan(append([]any{
		&u.ID, &u.Username, &u.UsernameKey, &u.Email, &u.EmailKey, (*string)(&u.PasswordHash), &u.Privilege,
		&u.Disabled, &u.SessionEpoch, &u.KeptSession, &u.CreatedAt, &u.UpdatedAt,
	}, more...)...)
	if err != nil {
		return repository.User{}, storeError(err)
	}
	u.CreatedAt, u.UpdatedAt = u.CreatedAt.UTC(), u.UpdatedAt.UTC()
	return u, nil
}
