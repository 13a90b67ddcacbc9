package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const userColumns = `u.id, u.username, u.username_key, u.email, u.email_key, u.password_hash, u.privilege,
	u.disabled, u.session_epoch, u.except_session_id, u.created_at, u.updated_at, u.locale, u.email_verified_at, u.credential_version,
	u.reset_link_issued_at, u.disabled_reason`

// CreateUser implements repository.Users.
func (db *DB) CreateUser(ctx context.Context, u repository.User, by repository.Caller, a repository.AuditRecord, mail ...repository.Message) error {
	return db.inTx(ctx, func(tx pgx.Tx) error { return createUser(ctx, tx, u, by, a, mail) })
}

func createUser(ctx context.Context, tx pgx.Tx, u repository.User, by repository.Caller, a repository.AuditRecord, mail []repository.Message) error {
	_, err := changeIn(ctx, tx, by, repository.PrivilegeAdministrator, a, `
		INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege,
			disabled, session_epoch, except_session_id, created_at, updated_at, locale, email_verified_at, credential_version, reset_link_issued_at, disabled_reason)
		SELECT $17::uuid, $18, $19, $20, $21, $22, $23::smallint, $24::boolean, $25::bigint, $26, $27::timestamptz, $28::timestamptz,
			$29, $30::timestamptz, $31::bigint, $32::timestamptz, $33
		FROM allowed RETURNING session_epoch AS n`,
		u.ID, u.Username, u.UsernameKey, u.Email, u.EmailKey, string(u.PasswordHash), u.Privilege,
		u.Disabled, u.SessionEpoch, u.ExceptSession, u.CreatedAt, u.UpdatedAt,
		u.Locale, maybe(u.EmailVerifiedAt), u.CredentialVersion, maybe(u.ResetLinkIssuedAt), u.DisabledReason)
	if err != nil {
		return err
	}
	if err := addressTaken(ctx, tx, u.EmailKey, u.ID, u.CreatedAt); err != nil {
		return err
	}
	return enqueue(ctx, tx, mail)
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

// scanUser reads userColumns, and into more the columns that a query has after them.
func scanUser(row pgx.Row, more ...any) (repository.User, error) {
	var u repository.User
	var verified, issued *time.Time
	err := row.Scan(append([]any{
		&u.ID, &u.Username, &u.UsernameKey, &u.Email, &u.EmailKey, (*string)(&u.PasswordHash), &u.Privilege,
		&u.Disabled, &u.SessionEpoch, &u.ExceptSession, &u.CreatedAt, &u.UpdatedAt, &u.Locale, &verified, &u.CredentialVersion, &issued, &u.DisabledReason,
	}, more...)...)
	if err != nil {
		return repository.User{}, storeError(err)
	}
	u.CreatedAt, u.UpdatedAt = u.CreatedAt.UTC(), u.UpdatedAt.UTC()
	u.EmailVerifiedAt, u.ResetLinkIssuedAt = moment(verified), moment(issued)
	return u, nil
}

// endOthers is the part of an UPDATE of the caller's row that revokes all sessions except
// the caller's. It checks the epoch that callerAllowed has checked already: a statement that
// waited for a row lock evaluates only the conditions on that row again.
const endOthers = `session_epoch = session_epoch + 1, except_session_id = $14, updated_at = $17
	FROM allowed WHERE id = $13::uuid AND NOT disabled AND (session_epoch = $15 OR except_session_id = $14)`

// ChangePassword implements repository.Users.
func (db *DB) ChangePassword(ctx context.Context, c repository.PasswordChange, a repository.AuditRecord, mail ...repository.Message) (epoch int64, err error) {
	return db.changeBy(ctx, c.By, repository.PrivilegeUser, a, mail,
		`UPDATE users SET password_hash = $18, credential_version = credential_version + 1, `+endOthers+` AND password_hash = $19 RETURNING session_epoch AS n`,
		c.At, string(c.New), string(c.Old))
}

// ChangeProfile implements repository.Users.
func (db *DB) ChangeProfile(ctx context.Context, c repository.ProfileChange, a repository.AuditRecord, mail ...repository.Message) error {
	_, err := db.changeBy(ctx, c.By, repository.PrivilegeUser, a, mail, `
		UPDATE users SET username = COALESCE(NULLIF($17, ''), username), username_key = COALESCE(NULLIF($18, ''), username_key),
			locale = COALESCE(NULLIF($19, ''), locale), updated_at = $20 FROM allowed
		WHERE id = $13::uuid AND password_hash = $21 RETURNING session_epoch AS n`,
		c.Username, c.UsernameKey, c.Locale, c.At, string(c.Hash))
	return err
}

// DeleteUser implements repository.Users.
func (db *DB) DeleteUser(ctx context.Context, by repository.Caller, hash repository.PasswordHash, a repository.AuditRecord) (epoch int64, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		last, err := lastAdministrator(ctx, tx, by.UserID)
		if err != nil {
			return err
		}
		if err := forgetMail(ctx, tx, by.UserID, a.At); err != nil {
			return err
		}
		if err := undoIsLive(ctx, tx, by.UserID, a.At); err != nil {
			return err
		}
		epoch, err = changeIn(ctx, tx, by, repository.PrivilegeUser, a, `
			DELETE FROM users u USING allowed WHERE u.id = $13::uuid AND u.password_hash = $17 RETURNING u.session_epoch + 1 AS n`, string(hash))
		if err == nil && last {
			return repository.ErrLastAdministrator
		}
		return err
	})
	return epoch, err
}

// SetPassword implements repository.Users.
func (db *DB) SetPassword(ctx context.Context, userID string, hash repository.PasswordHash, at time.Time, a repository.AuditRecord, mail ...repository.Message) (epoch int64, err error) {
	return db.changeBy(ctx, repository.Caller{}, repository.PrivilegeUser, a, mail,
		`UPDATE users SET password_hash = $17, `+newCredential+`, updated_at = $18 FROM allowed WHERE id = $19::uuid RETURNING session_epoch AS n`,
		string(hash), at, userID)
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
func (db *DB) EndUserSessions(ctx context.Context, userID string, by repository.Caller, at time.Time, a repository.AuditRecord) (epoch int64, err error) {
	return db.changeBy(ctx, by, repository.PrivilegeAdministrator, a, nil, `
		UPDATE users u SET session_epoch = u.session_epoch + 1, except_session_id = '', updated_at = $18
		FROM allowed WHERE u.id = $17::uuid RETURNING u.session_epoch AS n`, userID, at)
}

// EndOtherUserSessions implements repository.Users.
func (db *DB) EndOtherUserSessions(ctx context.Context, by repository.Caller, at time.Time, a repository.AuditRecord) (epoch int64, err error) {
	epoch, err = db.changeBy(ctx, by, repository.PrivilegeUser, a, nil, `UPDATE users SET `+endOthers+` RETURNING session_epoch AS n`, at)
	if errors.Is(err, repository.ErrNotFound) { // the epoch was incremented while the statement waited
		return 0, repository.ErrNotAllowed
	}
	return epoch, err
}

// lastAdministrator reports whether a user is the only enabled administrator, and locks the user. If
// two transactions each remove an administrator, the second waits here for the row locks of the
// first, and then counts the remaining administrators.
func lastAdministrator(ctx context.Context, tx pgx.Tx, userID string) (last bool, err error) {
	err = tx.QueryRow(ctx, `
		WITH locked AS (SELECT id, privilege, disabled FROM users WHERE privilege = 2 AND NOT disabled OR id = $1::uuid ORDER BY id FOR UPDATE),
			admins AS (SELECT id FROM locked WHERE privilege = 2 AND NOT disabled)
		SELECT EXISTS (SELECT 1 FROM admins WHERE id = $1::uuid) AND NOT EXISTS (SELECT 1 FROM admins WHERE id <> $1::uuid)`, userID).Scan(&last)
	return last, err
}

// RecordActing implements repository.Users.
func (db *DB) RecordActing(ctx context.Context, userID string, by repository.Caller, a repository.AuditRecord) error {
	_, err := db.changeBy(ctx, by, repository.PrivilegeAdministrator, a, nil, `
		SELECT 0::bigint AS n FROM allowed, users u WHERE u.id = $17::uuid AND u.privilege < 2 AND NOT u.disabled`, userID)
	if errors.Is(err, repository.ErrNotFound) {
		return repository.ErrNotAllowed
	}
	return err
}

// EndAllSessions implements repository.Users.
func (db *DB) EndAllSessions(ctx context.Context, at time.Time, a repository.AuditRecord) (users int, err error) {
	err = db.pool.QueryRow(ctx, `
		WITH changed AS (
			UPDATE users SET session_epoch = greatest(session_epoch + 1, $14), except_session_id = '', updated_at = $13 RETURNING id
		), recorded AS (`+insertAudit+`)
		SELECT count(*) FROM changed`, append(auditArgs(a), at, at.UnixMicro())...).Scan(&users)
	return users, storeError(err)
}
