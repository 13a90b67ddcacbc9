package sqlite

import (
	"context"
	"database/sql"
	"time"

	"latchkey/repository"
)

const userColumns = `u.id, u.username, u.username_key, u.email, u.email_key, u.password_hash, u.privilege,
	u.disabled, u.session_epoch, u.except_session_id, u.created_at, u.updated_at, u.locale, u.email_verified_at, u.credential_version,
	u.reset_link_issued_at, u.disabled_reason`

// CreateUser implements repository.Users.
func (db *DB) CreateUser(ctx context.Context, u repository.User, by repository.Caller, a repository.AuditRecord, mail ...repository.Message) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, repository.PrivilegeAdministrator); err != nil {
			return err
		}
		return createUser(ctx, tx, u, a, mail)
	})
}

func createUser(ctx context.Context, tx *sql.Tx, u repository.User, a repository.AuditRecord, mail []repository.Message) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege,
			disabled, session_epoch, except_session_id, created_at, updated_at, locale, email_verified_at, credential_version, reset_link_issued_at, disabled_reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID, u.Username, u.UsernameKey, u.Email, u.EmailKey, string(u.PasswordHash), u.Privilege,
		u.Disabled, u.SessionEpoch, u.ExceptSession, micros(u.CreatedAt), micros(u.UpdatedAt),
		u.Locale, micros(u.EmailVerifiedAt), u.CredentialVersion, micros(u.ResetLinkIssuedAt), u.DisabledReason); err != nil {
		return err
	}
	if err := addressTaken(ctx, tx, u.EmailKey, u.ID, u.CreatedAt); err != nil {
		return err
	}
	if err := appendAudit(ctx, tx, a); err != nil {
		return err
	}
	return enqueue(ctx, tx, mail)
}

// FindUserByID implements repository.Users.
func (db *DB) FindUserByID(ctx context.Context, id string) (repository.User, error) {
	return scanUser(db.read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = ?`, id))
}

// FindUserByUsername implements repository.Users.
func (db *DB) FindUserByUsername(ctx context.Context, key string) (repository.User, error) {
	return scanUser(db.read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.username_key = ?`, key))
}

// FindUserByEmail implements repository.Users.
func (db *DB) FindUserByEmail(ctx context.Context, key string) (repository.User, error) {
	return scanUser(db.read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.email_key = ?`, key))
}

// FindUserOfSession implements repository.Users.
func (db *DB) FindUserOfSession(ctx context.Context, userID, sessionID string) (repository.User, repository.EndReason, error) {
	var ended string
	u, err := scanUser(db.read.QueryRowContext(ctx, `
		SELECT `+userColumns+`, COALESCE((SELECT r.reason FROM revoked_sessions r WHERE r.session_id = ?2), '')
		FROM users u WHERE u.id = ?1`, userID, sessionID), &ended)
	return u, repository.EndReason(ended), err
}

// scanUser reads userColumns, and into more the columns that a query has after them.
func scanUser(row interface{ Scan(dest ...any) error }, more ...any) (repository.User, error) {
	var u repository.User
	var hash string
	var created, updated, verified, issued int64
	err := row.Scan(append([]any{
		&u.ID, &u.Username, &u.UsernameKey, &u.Email, &u.EmailKey, &hash, &u.Privilege,
		&u.Disabled, &u.SessionEpoch, &u.ExceptSession, &created, &updated, &u.Locale, &verified, &u.CredentialVersion, &issued, &u.DisabledReason,
	}, more...)...)
	if err != nil {
		return repository.User{}, storeError(err)
	}
	u.PasswordHash = repository.PasswordHash(hash)
	u.CreatedAt, u.UpdatedAt, u.EmailVerifiedAt, u.ResetLinkIssuedAt = moment(created), moment(updated), moment(verified), moment(issued)
	return u, nil
}

// ChangePassword implements repository.Users.
func (db *DB) ChangePassword(ctx context.Context, c repository.PasswordChange, a repository.AuditRecord, mail ...repository.Message) (epoch int64, err error) {
	return db.updateUser(ctx, c.By, repository.PrivilegeUser, a, mail, `UPDATE users SET password_hash = ?1, credential_version = credential_version + 1,
		session_epoch = session_epoch + 1, except_session_id = ?2, updated_at = ?3 WHERE id = ?4 AND password_hash = ?5`,
		string(c.New), c.By.SessionID, micros(c.At), c.By.UserID, string(c.Old))
}

// ChangeProfile implements repository.Users.
func (db *DB) ChangeProfile(ctx context.Context, c repository.ProfileChange, a repository.AuditRecord, mail ...repository.Message) error {
	_, err := db.updateUser(ctx, c.By, repository.PrivilegeUser, a, mail, `UPDATE users SET username = COALESCE(NULLIF(?1, ''), username),
		username_key = COALESCE(NULLIF(?2, ''), username_key), locale = COALESCE(NULLIF(?3, ''), locale), updated_at = ?4
		WHERE id = ?5 AND password_hash = ?6`,
		c.Username, c.UsernameKey, c.Locale, micros(c.At), c.By.UserID, string(c.Hash))
	return err
}

// DeleteUser implements repository.Users.
func (db *DB) DeleteUser(ctx context.Context, by repository.Caller, hash repository.PasswordHash, a repository.AuditRecord) (epoch int64, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, repository.PrivilegeUser); err != nil {
			return err
		}
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
		if err := tx.QueryRowContext(ctx, `DELETE FROM users WHERE id = ? AND password_hash = ? RETURNING session_epoch + 1`,
			by.UserID, string(hash)).Scan(&epoch); err != nil {
			return err
		}
		if last {
			return repository.ErrLastAdministrator
		}
		return appendAudit(ctx, tx, a)
	})
	return epoch, err
}

// lastAdministrator reports whether a user is the only enabled administrator.
func lastAdministrator(ctx context.Context, tx *sql.Tx, userID string) (last bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND privilege = 2 AND disabled = 0)
		AND NOT EXISTS (SELECT 1 FROM users WHERE id <> ?1 AND privilege = 2 AND disabled = 0)`, userID).Scan(&last)
	return last, err
}

// SetPassword implements repository.Users.
func (db *DB) SetPassword(ctx context.Context, userID string, hash repository.PasswordHash, at time.Time, a repository.AuditRecord, mail ...repository.Message) (epoch int64, err error) {
	return db.updateUser(ctx, repository.Caller{}, repository.PrivilegeUser, a, mail, `UPDATE users SET password_hash = ?1, `+newCredential+`, updated_at = ?2 WHERE id = ?3`,
		string(hash), micros(at), userID)
}

// ReplaceHash implements repository.Users.
func (db *DB) ReplaceHash(ctx context.Context, userID string, old, hash repository.PasswordHash, at time.Time) error {
	res, err := db.write.ExecContext(ctx, `UPDATE users SET password_hash = ?3, updated_at = ?4 WHERE id = ?1 AND password_hash = ?2`,
		userID, string(old), string(hash), micros(at))
	if err != nil {
		return storeError(err)
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return repository.ErrNotFound
	}
	return storeError(err)
}

// EndUserSessions implements repository.Users.
func (db *DB) EndUserSessions(ctx context.Context, userID string, by repository.Caller, at time.Time, a repository.AuditRecord) (epoch int64, err error) {
	return db.updateUser(ctx, by, repository.PrivilegeAdministrator, a, nil, `UPDATE users SET session_epoch = session_epoch + 1, except_session_id = '', updated_at = ?1
		WHERE id = ?2`, micros(at), userID)
}

// EndOtherUserSessions implements repository.Users.
func (db *DB) EndOtherUserSessions(ctx context.Context, by repository.Caller, at time.Time, a repository.AuditRecord) (epoch int64, err error) {
	return db.updateUser(ctx, by, repository.PrivilegeUser, a, nil, `UPDATE users SET session_epoch = session_epoch + 1, except_session_id = ?1, updated_at = ?2
		WHERE id = ?3`, by.SessionID, micros(at), by.UserID)
}

// RecordActing implements repository.Users.
func (db *DB) RecordActing(ctx context.Context, userID string, by repository.Caller, a repository.AuditRecord) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, repository.PrivilegeAdministrator); err != nil {
			return err
		}
		var allowed bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = ? AND privilege < 2 AND disabled = 0)`,
			userID).Scan(&allowed); err != nil {
			return err
		}
		if !allowed {
			return repository.ErrNotAllowed
		}
		return appendAudit(ctx, tx, a)
	})
}

// EndAllSessions implements repository.Users.
func (db *DB) EndAllSessions(ctx context.Context, at time.Time, a repository.AuditRecord) (users int, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE users SET session_epoch = max(session_epoch + 1, ?1),
			except_session_id = '', updated_at = ?1`, micros(at))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		users = int(n)
		return appendAudit(ctx, tx, a)
	})
	return users, err
}

// updateUser updates one user, writes the audit record and the messages, and returns the new
// epoch of the user. It returns ErrNotAllowed if the caller is not allowed, and ErrNotFound if no user
// was updated.
func (db *DB) updateUser(ctx context.Context, by repository.Caller, privilege int, a repository.AuditRecord, mail []repository.Message, query string, args ...any) (epoch int64, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, privilege); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, query+` RETURNING session_epoch`, args...).Scan(&epoch); err != nil {
			return err
		}
		if err := appendAudit(ctx, tx, a); err != nil {
			return err
		}
		return enqueue(ctx, tx, mail)
	})
	return epoch, err
}
