package sqlite

import (
	"context"
	"database/sql"
	"time"

	"latchkey/repository"
)

const linkColumns = `token_hash, purpose, user_id, email, email_key, credential_version, mailed, encrypted_signup, created_at, expires_at`

// CreateLink implements repository.Links.
func (db *DB) CreateLink(ctx context.Context, l repository.Link, limit int, by repository.Caller, a repository.AuditRecord) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, repository.PrivilegeAdministrator); err != nil {
			return err
		}
		if by != (repository.Caller{}) {
			var administrator bool
			err := tx.QueryRowContext(ctx, `SELECT privilege >= 2 FROM users WHERE id = ?`, l.UserID).Scan(&administrator)
			if err == nil && administrator {
				err = repository.ErrNotAllowed
			}
			if err != nil {
				return err
			}
		}
		if err := bindLink(ctx, tx, l); err != nil {
			return err
		}
		if err := setByLink(ctx, tx, l, a, nil, `reset_link_issued_at = ?2`, micros(l.CreatedAt)); err != nil {
			return err
		}
		_, err := makeLink(ctx, tx, l, limit, true, l.CreatedAt)
		return err
	})
}

// FindLink implements repository.Links.
func (db *DB) FindLink(ctx context.Context, hash repository.LinkHash, now time.Time) (repository.Link, error) {
	l, err := scanLink(db.read.QueryRowContext(ctx, `SELECT `+linkColumns+` FROM links WHERE token_hash = ? AND expires_at > ?
		AND `+linkUsable, string(hash), micros(now)))
	return l, storeError(err)
}

// linkBound is the condition on the user u under which a link can be used.
const linkBound = `u.disabled = 0
	AND (purpose NOT IN ('reset', 'change') OR u.credential_version = links.credential_version)
	AND (purpose NOT IN ('reset', 'verify') OR u.email_key = links.email_key)`

// linkUsable is the condition on a link whose user can be found.
const linkUsable = `(user_id IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = user_id AND ` + linkBound + `))`

// bindLink returns sql.ErrNoRows unless linkBound is true of a link that does not exist yet.
func bindLink(ctx context.Context, tx *sql.Tx, l repository.Link) error {
	if l.UserID == "" {
		return nil
	}
	var one int
	return tx.QueryRowContext(ctx, `
		SELECT 1 FROM users u, (SELECT ?2 AS purpose, ?3 AS credential_version, ?4 AS email_key) links
		WHERE u.id = ?1 AND `+linkBound, l.UserID, string(l.Purpose), l.CredentialVersion, l.EmailKey).Scan(&one)
}

// makeLink creates a link unless limit links of the same purpose are live: of the user, or for
// the same address if the link has no user. With replace it deletes the oldest one.
func makeLink(ctx context.Context, tx *sql.Tx, l repository.Link, limit int, replace bool, now time.Time) (made bool, err error) {
	live, err := scanStrings(tx.QueryContext(ctx, `SELECT token_hash FROM links WHERE purpose = ?1 AND expires_at > ?2
		AND CASE WHEN ?3 = '' THEN user_id IS NULL AND email_key = ?4 ELSE user_id = ?3 END
		ORDER BY created_at, token_hash`, string(l.Purpose), micros(now), l.UserID, l.EmailKey))
	if err != nil {
		return false, err
	}
	if len(live) >= limit {
		if !replace {
			return false, nil
		}
		for _, hash := range live[:len(live)-limit+1] {
			if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE token_hash = ?`, hash); err != nil {
				return false, err
			}
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO links (`+linkColumns+`) VALUES (?, ?, NULLIF(?, ''), ?, ?, ?, ?, ?, ?, ?)`,
		string(l.Hash), string(l.Purpose), l.UserID, l.Email, l.EmailKey, l.CredentialVersion, l.Mailed, notNil(l.Signup), micros(l.CreatedAt), micros(l.ExpiresAt))
	return err == nil, err
}

// linkIsLive returns sql.ErrNoRows if a link cannot be used any more.
func linkIsLive(ctx context.Context, tx *sql.Tx, l *repository.Link, now time.Time) error {
	if l == nil {
		return nil
	}
	var one int
	return tx.QueryRowContext(ctx, `SELECT 1 FROM links WHERE token_hash = ? AND expires_at > ?
		AND `+linkUsable, string(l.Hash), micros(now)).Scan(&one)
}

// takeLink deletes a link and the links that its use voids.
func takeLink(ctx context.Context, tx *sql.Tx, hash repository.LinkHash, purpose repository.LinkPurpose, now time.Time) (l repository.Link, previous repository.User, err error) {
	if purpose != repository.LinkSignup {
		previous, err = scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u
			WHERE u.id = (SELECT user_id FROM links WHERE token_hash = ?)`, string(hash)))
		if err != nil {
			return l, previous, err
		}
	}
	l, err = scanLink(tx.QueryRowContext(ctx, `DELETE FROM links WHERE token_hash = ? AND purpose = ? AND expires_at > ?
		AND `+linkUsable+` RETURNING `+linkColumns,
		string(hash), string(purpose), micros(now)))
	if err != nil {
		return l, previous, err
	}
	switch purpose {
	case repository.LinkSignup:
		_, err = tx.ExecContext(ctx, `DELETE FROM links WHERE user_id IS NULL AND purpose = ? AND email_key = ?`, string(purpose), l.EmailKey)
	case repository.LinkUndo:
		_, err = tx.ExecContext(ctx, `DELETE FROM links WHERE user_id = ? AND (purpose <> ? OR created_at >= ?)`, l.UserID, string(purpose), micros(l.CreatedAt))
	case repository.LinkVerify, repository.LinkChange, repository.LinkReset:
		_, err = tx.ExecContext(ctx, `DELETE FROM links WHERE user_id = ? AND purpose = ?`, l.UserID, string(purpose))
	}
	return l, previous, err
}

// addressTaken returns ErrEmailExists if a live undo link of another user restores an address.
func addressTaken(ctx context.Context, tx *sql.Tx, key, userID string, now time.Time) error {
	var taken bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM links
		WHERE email_key = ? AND purpose = 'undo' AND user_id <> ? AND expires_at > ?)`, key, userID, micros(now)).Scan(&taken)
	if err == nil && taken {
		return repository.ErrEmailExists
	}
	return err
}

// CreateVerifiedUser implements repository.Links.
func (db *DB) CreateVerifiedUser(ctx context.Context, hash repository.LinkHash, u repository.User, a repository.AuditRecord) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, _, err := takeLink(ctx, tx, hash, repository.LinkSignup, u.CreatedAt); err != nil {
			return err
		}
		return createUser(ctx, tx, u, a, nil)
	})
}

// VerifyEmail implements repository.Links.
func (db *DB) VerifyEmail(ctx context.Context, hash repository.LinkHash, at time.Time, a repository.AuditRecord) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		l, _, err := takeLink(ctx, tx, hash, repository.LinkVerify, at)
		if err != nil {
			return err
		}
		return setByLink(ctx, tx, l, a, nil, `email_verified_at = ?2, updated_at = ?2`, micros(at))
	})
}

// setByLink updates the user of a link, and writes the audit record and the messages. The user's ID
// is ?1, and args begin at ?2.
func setByLink(ctx context.Context, tx *sql.Tx, l repository.Link, a repository.AuditRecord, mail []repository.Message, set string, args ...any) error {
	if _, err := tx.ExecContext(ctx, `UPDATE users SET `+set+` WHERE id = ?1`, append([]any{l.UserID}, args...)...); err != nil { //nolint:gosec // G202: set is a constant of the caller
		return err
	}
	if err := appendAudit(ctx, tx, a); err != nil {
		return err
	}
	return enqueue(ctx, tx, mail)
}

// ChangeEmail implements repository.Links.
func (db *DB) ChangeEmail(ctx context.Context, hash repository.LinkHash, undo *repository.Link, limit int, at time.Time, a repository.AuditRecord, mail ...repository.Message) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		l, previous, err := takeLink(ctx, tx, hash, repository.LinkChange, at)
		if err != nil {
			return err
		}
		if err := makeUndo(ctx, tx, undo, previous, limit, at); err != nil {
			return err
		}
		if err := setByLink(ctx, tx, l, a, mail, `email = ?2, email_key = ?3, email_verified_at = ?4, updated_at = ?4`, l.Email, l.EmailKey, micros(at)); err != nil {
			return err
		}
		return addressTaken(ctx, tx, l.EmailKey, l.UserID, at)
	})
}

// makeUndo creates the link that restores the previous address of a user, if there is one.
func makeUndo(ctx context.Context, tx *sql.Tx, undo *repository.Link, previous repository.User, limit int, at time.Time) error {
	if undo == nil {
		return nil
	}
	l := *undo
	l.UserID, l.Email, l.EmailKey, l.CredentialVersion = previous.ID, previous.Email, previous.EmailKey, previous.CredentialVersion
	made, err := makeLink(ctx, tx, l, limit, false, at)
	if err == nil && !made {
		err = repository.ErrLimit
	}
	return err
}

// forgetMail empties the messages of a user who is being deleted. Those that were admitted stay
// without the user, so that they still count against the budget of their recipient.
func forgetMail(ctx context.Context, tx *sql.Tx, userID string, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE outbox SET user_id = NULL, encrypted_message = x'', ended_at = max(ended_at, ?2),
		state = CASE WHEN state = 'sent' THEN 'sent' ELSE 'dropped' END WHERE user_id = ?1 AND admitted_at > 0`, userID, micros(at))
	return err
}

// undoIsLive returns ErrLimit if an undo link of a user is live.
func undoIsLive(ctx context.Context, tx *sql.Tx, userID string, at time.Time) error {
	var live bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM links WHERE user_id = ? AND purpose = 'undo' AND expires_at > ?)`, userID, micros(at)).Scan(&live)
	if err == nil && live {
		return repository.ErrLimit
	}
	return err
}

// ResetPassword implements repository.Links.
func (db *DB) ResetPassword(ctx context.Context, hash repository.LinkHash, next repository.PasswordHash, at time.Time, a repository.AuditRecord, mail ...repository.Message) (epoch int64, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		l, previous, err := takeLink(ctx, tx, hash, repository.LinkReset, at)
		if err != nil {
			return err
		}
		epoch = previous.SessionEpoch + 1
		return setByLink(ctx, tx, l, a, mail, `password_hash = ?2, `+newCredential+`, updated_at = ?3,
			email_verified_at = CASE WHEN ?4 THEN ?3 ELSE email_verified_at END`, string(next), micros(at), l.Mailed)
	})
	return epoch, err
}

// newCredential is the part of an UPDATE that goes with a new password that ends all sessions.
const newCredential = `credential_version = credential_version + 1, session_epoch = session_epoch + 1, except_session_id = ''`

// UndoEmail implements repository.Links.
func (db *DB) UndoEmail(ctx context.Context, hash repository.LinkHash, next repository.PasswordHash, at time.Time, a repository.AuditRecord, mail ...repository.Message) (epoch int64, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		l, previous, err := takeLink(ctx, tx, hash, repository.LinkUndo, at)
		if err != nil {
			return err
		}
		epoch = previous.SessionEpoch + 1
		if err := setByLink(ctx, tx, l, a, mail, `password_hash = ?2, `+newCredential+`, updated_at = ?3, email_verified_at = ?3,
			email = ?4, email_key = ?5`, string(next), micros(at), l.Email, l.EmailKey); err != nil {
			return err
		}
		return addressTaken(ctx, tx, l.EmailKey, l.UserID, at)
	})
	return epoch, err
}

// PurgeLinks implements repository.Links.
func (db *DB) PurgeLinks(ctx context.Context, before time.Time, limit int) (int, error) {
	return db.purge(ctx, `DELETE FROM links WHERE token_hash IN (SELECT token_hash FROM links WHERE expires_at < ? LIMIT ?)`, micros(before), limit)
}

func scanLink(row *sql.Row) (l repository.Link, err error) {
	var user sql.NullString
	var created, expires int64
	err = row.Scan(&l.Hash, &l.Purpose, &user, &l.Email, &l.EmailKey, &l.CredentialVersion, &l.Mailed, &l.Signup, &created, &expires)
	l.UserID, l.CreatedAt, l.ExpiresAt = user.String, moment(created), moment(expires)
	return l, err
}
