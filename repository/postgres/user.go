package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const userColumns = `u.id, u.username, u.username_key, u.email, u.email_key, u.password_hash, u.privilege,
	u.disabled, u.session_epoch, u.kept_session, u.created_at, u.updated_at`

// CreateUser implements repository.Users.
func (db *DB) CreateUser(ctx context.Context, u repository.User, actor string, a repository.AuditRecord) error {
	_, err := db.updateUser(ctx, a, `
		INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege,
			disabled, session_epoch, kept_session, created_at, updated_at)
		SELECT $13::uuid, $14, $15, $16, $17, $18, $19::smallint, $20::boolean, $21::bigint, $22, $23::timestamptz, $24::timestamptz
		WHERE $25::text = '' OR EXISTS (
			SELECT 1 FROM users WHERE id = NULLIF($25, '')::uuid AND privilege = 2 AND NOT disabled)`,
		u.ID, u.Username, u.UsernameKey, u.Email, u.EmailKey, string(u.PasswordHash), u.Privilege,
		u.Disabled, u.SessionEpoch, u.KeptSession, u.CreatedAt, u.UpdatedAt, actor)
	if errors.Is(err, repository.ErrNotFound) {
		return repository.ErrNotAllowed
	}
	return err
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
func (db *DB) FindUserOfSession(ctx context.Context, userID, sessionID string) (repository.User, repository.EndReason, error) {
	q := &sessionUser{userID: userID, sessionID: sessionID}
	if err := db.sessionUsers.Do(ctx, q); err != nil {
		return repository.User{}, "", storeError(err)
	}
	return q.user, repository.EndReason(q.ended), q.err
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

// ChangePassword implements repository.Users.
func (db *DB) ChangePassword(ctx context.Context, c repository.PasswordChange, a repository.AuditRecord) error {
	_, err := db.updateUser(ctx, a, `UPDATE users SET password_hash = $13, session_epoch = session_epoch + 1, kept_session = $14,
		updated_at = $15 WHERE id = $16 AND password_hash = $17 AND session_epoch = $18`,
		string(c.New), c.Kept, c.At, c.UserID, string(c.Old), c.Epoch)
	return err
}

// ReplaceHash implements repository.Users.
func (db *DB) ReplaceHash(ctx context.Context, userID string, old, hash repository.PasswordHash, at time.Time) error {
	tag, err := db.pool.Exec(ctx, `UPDATE users SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2`,
		userID, string(old), string(hash), at)
	if err == nil && tag.RowsAffected() == 0 {
		return repository.ErrNotFound
	}
	return storeError(err)
}

// EndUserSessions implements repository.Users.
func (db *DB) EndUserSessions(ctx context.Context, userID string, at time.Time, a repository.AuditRecord) (epoch int64, err error) {
	return db.updateUser(ctx, a, `UPDATE users SET session_epoch = session_epoch + 1, kept_session = '', updated_at = $13
		WHERE id = $14`, at, userID)
}

// EndOtherUserSessions implements repository.Users.
func (db *DB) EndOtherUserSessions(ctx context.Context, userID, kept string, epoch int64, at time.Time, a repository.AuditRecord) error {
	_, err := db.updateUser(ctx, a, `UPDATE users SET session_epoch = session_epoch + 1, kept_session = $13, updated_at = $14
		WHERE id = $15 AND session_epoch = $16`, kept, at, userID, epoch)
	return err
}

// DisableUser implements repository.Users.
func (db *DB) DisableUser(ctx context.Context, userID string, disabled bool, at time.Time, a repository.AuditRecord) (epoch int64, err error) {
	return db.updateUser(ctx, a, `UPDATE users SET disabled = $13, session_epoch = session_epoch + $13::boolean::int,
		kept_session = CASE WHEN $13 THEN '' ELSE kept_session END, updated_at = $14 WHERE id = $15`, disabled, at, userID)
}

// RecordActing implements repository.Users.
func (db *DB) RecordActing(ctx context.Context, userID, actor string, a repository.AuditRecord) error {
	tag, err := db.pool.Exec(ctx, insertAudit+` WHERE
		EXISTS (SELECT 1 FROM users WHERE id = $13::uuid AND privilege = 2 AND NOT disabled) AND
		EXISTS (SELECT 1 FROM users WHERE id = $14::uuid AND privilege < 2 AND NOT disabled)`, append(auditArgs(a), actor, userID)...)
	if err == nil && tag.RowsAffected() == 0 {
		return repository.ErrNotAllowed
	}
	return storeError(err)
}

// EndAllSessions implements repository.Users.
func (db *DB) EndAllSessions(ctx context.Context, at time.Time, a repository.AuditRecord) (users int, err error) {
	err = db.pool.QueryRow(ctx, `
		WITH changed AS (
			UPDATE users SET session_epoch = greatest(session_epoch + 1, $14), kept_session = '', updated_at = $13 RETURNING id
		), recorded AS (`+insertAudit+`)
		SELECT count(*) FROM changed`, append(auditArgs(a), at, at.UnixMicro())...).Scan(&users)
	return users, storeError(err)
}

// updateUser writes one user and records it; ErrNotFound if it writes none. It
// returns the user's epoch after that. The parameters of the statement begin at
// $13.
func (db *DB) updateUser(ctx context.Context, a repository.AuditRecord, update string, args ...any) (epoch int64, err error) {
	err = db.pool.QueryRow(ctx, `
		WITH changed AS (`+update+` RETURNING session_epoch), recorded AS (`+insertAudit+` FROM changed)
		SELECT session_epoch FROM changed`, append(auditArgs(a), args...)...).Scan(&epoch)
	return epoch, storeError(err)
}
