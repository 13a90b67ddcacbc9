package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

const linkColumns = `token_hash, purpose, user_id, email, email_key, credential_version, mailed, encrypted_signup, created_at, expires_at`

// CreateLink implements repository.Links.
func (db *DB) CreateLink(ctx context.Context, l repository.Link, limit int, by repository.Caller, a repository.AuditRecord) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if err := bindLink(ctx, tx, l); err != nil { // locks the user
			return err
		}
		if by != (repository.Caller{}) {
			var administrator bool
			err := tx.QueryRow(ctx, `SELECT privilege >= 2 FROM users WHERE id = $1`, l.UserID).Scan(&administrator)
			if err == nil && administrator {
				err = repository.ErrNotAllowed
			}
			if err != nil {
				return err
			}
		}
		if _, err := changeIn(ctx, tx, by, repository.PrivilegeAdministrator, a,
			`UPDATE users SET reset_link_issued_at = $17 FROM allowed WHERE id = $18::uuid RETURNING 0::bigint AS n`, l.CreatedAt, l.UserID); err != nil {
			return err
		}
		_, err := makeLink(ctx, tx, l, limit, true, l.CreatedAt)
		return err
	})
}

// FindLink implements repository.Links.
func (db *DB) FindLink(ctx context.Context, hash repository.LinkHash, now time.Time) (repository.Link, error) {
	l, err := scanLink(db.pool.QueryRow(ctx, `SELECT `+linkColumns+` FROM links WHERE token_hash = $1 AND expires_at > $2
		AND `+linkUsable, string(hash), now))
	return l, storeError(err)
}

// linkBound is the condition on the user u under which a link can be used.
const linkBound = `NOT u.disabled
	AND (purpose NOT IN ('reset', 'change') OR u.credential_version = links.credential_version)
	AND (purpose NOT IN ('reset', 'verify') OR u.email_key = links.email_key)`

// linkUsable is the condition on a link whose user can be found.
const linkUsable = `(user_id IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = user_id AND ` + linkBound + `))`

// bindLink locks the user of a link. It returns pgx.ErrNoRows unless linkBound is true of a link
// that does not exist yet.
func bindLink(ctx context.Context, tx pgx.Tx, l repository.Link) error {
	if l.UserID == "" {
		return nil
	}
	var one int
	return tx.QueryRow(ctx, `
		SELECT 1 FROM users u, (SELECT $2::text AS purpose, $3::bigint AS credential_version, $4::text AS email_key) links
		WHERE u.id = $1::uuid AND `+linkBound+` FOR NO KEY UPDATE OF u`,
		l.UserID, string(l.Purpose), l.CredentialVersion, l.EmailKey).Scan(&one)
}

// makeLink creates a link unless limit links of the same purpose are live: of the user, or for
// the same address if the link has no user. With replace it deletes the oldest one.
func makeLink(ctx context.Context, tx pgx.Tx, l repository.Link, limit int, replace bool, now time.Time) (made bool, err error) {
	rows, err := tx.Query(ctx, `SELECT token_hash FROM links WHERE purpose = $1 AND expires_at > $2
		AND CASE WHEN $3 = '' THEN user_id IS NULL AND email_key = $4 ELSE user_id = NULLIF($3, '')::uuid END
		ORDER BY created_at, token_hash`, string(l.Purpose), now, l.UserID, l.EmailKey)
	if err != nil {
		return false, err
	}
	live, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return false, err
	}
	if len(live) >= limit {
		if !replace {
			return false, nil
		}
		if _, err := tx.Exec(ctx, `DELETE FROM links WHERE token_hash = ANY($1)`, live[:len(live)-limit+1]); err != nil {
			return false, err
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO links (`+linkColumns+`) VALUES ($1, $2, NULLIF($3, '')::uuid, $4, $5, $6, $7, $8, $9, $10)`,
		string(l.Hash), string(l.Purpose), l.UserID, l.Email, l.EmailKey, l.CredentialVersion, l.Mailed, notNil(l.Signup), l.CreatedAt, l.ExpiresAt)
	return err == nil, err
}

// notNil returns an empty value for nil, because the column is NOT NULL, and orNil the reverse.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// linkIsLive returns pgx.ErrNoRows if a link cannot be used any more.
func linkIsLive(ctx context.Context, tx pgx.Tx, l *repository.Link, now time.Time) error {
	if l == nil {
		return nil
	}
	var one int
	return tx.QueryRow(ctx, `SELECT 1 FROM links WHERE token_hash = $1 AND expires_at > $2
		AND `+linkUsable, string(l.Hash), now).Scan(&one)
}

// takeLink deletes a link and the links that its use voids. It locks the user before the link,
// as every transition does that changes both.
func takeLink(ctx context.Context, tx pgx.Tx, hash repository.LinkHash, purpose repository.LinkPurpose, now time.Time) (l repository.Link, previous repository.User, err error) {
	if purpose != repository.LinkSignup {
		previous, err = scanUser(tx.QueryRow(ctx, `SELECT `+userColumns+` FROM users u
			WHERE u.id = (SELECT user_id FROM links WHERE token_hash = $1) FOR NO KEY UPDATE OF u`, string(hash)))
		if err != nil {
			return l, previous, err
		}
	}
	l, err = scanLink(tx.QueryRow(ctx, `DELETE FROM links WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3
		AND `+linkUsable+` RETURNING `+linkColumns,
		string(hash), string(purpose), now))
	if err != nil {
		return l, previous, err
	}
	switch purpose {
	case repository.LinkSignup:
		_, err = tx.Exec(ctx, `DELETE FROM links WHERE user_id IS NULL AND purpose = $1 AND email_key = $2`, string(purpose), l.EmailKey)
	case repository.LinkUndo:
		_, err = tx.Exec(ctx, `DELETE FROM links WHERE user_id = $1 AND (purpose <> $2 OR created_at >= $3)`, l.UserID, string(purpose), l.CreatedAt)
	case repository.LinkVerify, repository.LinkChange, repository.LinkReset:
		_, err = tx.Exec(ctx, `DELETE FROM links WHERE user_id = $1 AND purpose = $2`, l.UserID, string(purpose))
	}
	return l, previous, err
}

// addressTaken returns ErrEmailExists if a live undo link of another user restores an address. It
// is a statement of its own after the write: only then does it see a link of a transaction for
// which the write has waited.
func addressTaken(ctx context.Context, tx pgx.Tx, key, userID string, now time.Time) error {
	var taken bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM links
		WHERE email_key = $1 AND purpose = 'undo' AND user_id <> $2 AND expires_at > $3)`, key, userID, now).Scan(&taken)
	if err == nil && taken {
		return repository.ErrEmailExists
	}
	return err
}

// CreateVerifiedUser implements repository.Links.
func (db *DB) CreateVerifiedUser(ctx context.Context, hash repository.LinkHash, u repository.User, a repository.AuditRecord) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if _, _, err := takeLink(ctx, tx, hash, repository.LinkSignup, u.CreatedAt); err != nil {
			return err
		}
		return createUser(ctx, tx, u, repository.Caller{}, a, nil)
	})
}

// VerifyEmail implements repository.Links.
func (db *DB) VerifyEmail(ctx context.Context, hash repository.LinkHash, at time.Time, a repository.AuditRecord) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		l, _, err := takeLink(ctx, tx, hash, repository.LinkVerify, at)
		if err != nil {
			return err
		}
		return setByLink(ctx, tx, l, a, nil, `email_verified_at = $2, updated_at = $2`, at)
	})
}

// setByLink updates the user of a link, and writes the audit record and the messages. The user's ID
// is $1, and args begin at $2.
func setByLink(ctx context.Context, tx pgx.Tx, l repository.Link, a repository.AuditRecord, mail []repository.Message, set string, args ...any) error {
	if _, err := tx.Exec(ctx, `UPDATE users SET `+set+` WHERE id = $1`, append([]any{l.UserID}, args...)...); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertAudit, auditArgs(a)...); err != nil {
		return err
	}
	return enqueue(ctx, tx, mail)
}

// ChangeEmail implements repository.Links.
func (db *DB) ChangeEmail(ctx context.Context, hash repository.LinkHash, undo *repository.Link, limit int, at time.Time, a repository.AuditRecord, mail ...repository.Message) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		l, previous, err := takeLink(ctx, tx, hash, repository.LinkChange, at)
		if err != nil {
			return err
		}
		if err := makeUndo(ctx, tx, undo, previous, limit, at); err != nil {
			return err
		}
		if err := setByLink(ctx, tx, l, a, mail, `email = $2, email_key = $3, email_verified_at = $4, updated_at = $4`, l.Email, l.EmailKey, at); err != nil {
			return err
		}
		return addressTaken(ctx, tx, l.EmailKey, l.UserID, at)
	})
}

// makeUndo creates the link that restores the previous address of a user, if there is one.
func makeUndo(ctx context.Context, tx pgx.Tx, undo *repository.Link, previous repository.User, limit int, at time.Time) error {
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
func forgetMail(ctx context.Context, tx pgx.Tx, userID string, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE outbox SET user_id = NULL, encrypted_message = '', ended_at = COALESCE(ended_at, $2),
		state = CASE WHEN state = 'sent' THEN 'sent' ELSE 'dropped' END WHERE user_id = $1 AND admitted_at IS NOT NULL`, userID, at)
	return err
}

// undoIsLive returns ErrLimit if an undo link of a user is live.
func undoIsLive(ctx context.Context, tx pgx.Tx, userID string, at time.Time) error {
	var live bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM links WHERE user_id = $1 AND purpose = 'undo' AND expires_at > $2)`, userID, at).Scan(&live)
	if err == nil && live {
		return repository.ErrLimit
	}
	return err
}

// ResetPassword implements repository.Links.
func (db *DB) ResetPassword(ctx context.Context, hash repository.LinkHash, next repository.PasswordHash, at time.Time, a repository.AuditRecord, mail ...repository.Message) (epoch int64, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		l, previous, err := takeLink(ctx, tx, hash, repository.LinkReset, at)
		if err != nil {
			return err
		}
		epoch = previous.SessionEpoch + 1
		return setByLink(ctx, tx, l, a, mail, `password_hash = $2, `+newCredential+`, updated_at = $3,
			email_verified_at = CASE WHEN $4 THEN $3 ELSE email_verified_at END`, string(next), at, l.Mailed)
	})
	return epoch, err
}

// newCredential is the part of an UPDATE that goes with a new password that ends all sessions.
const newCredential = `credential_version = credential_version + 1, session_epoch = session_epoch + 1, except_session_id = ''`

// UndoEmail implements repository.Links.
func (db *DB) UndoEmail(ctx context.Context, hash repository.LinkHash, next repository.PasswordHash, at time.Time, a repository.AuditRecord, mail ...repository.Message) (epoch int64, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		l, previous, err := takeLink(ctx, tx, hash, repository.LinkUndo, at)
		if err != nil {
			return err
		}
		epoch = previous.SessionEpoch + 1
		if err := setByLink(ctx, tx, l, a, mail, `password_hash = $2, `+newCredential+`, updated_at = $3, email_verified_at = $3,
			email = $4, email_key = $5`, string(next), at, l.Email, l.EmailKey); err != nil {
			return err
		}
		return addressTaken(ctx, tx, l.EmailKey, l.UserID, at)
	})
	return epoch, err
}

// PurgeLinks implements repository.Links.
func (db *DB) PurgeLinks(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := db.pool.Exec(ctx, `DELETE FROM links WHERE token_hash IN (SELECT token_hash FROM links WHERE expires_at < $1 LIMIT $2)`, before, limit)
	return int(tag.RowsAffected()), storeError(err)
}

func scanLink(row pgx.Row) (l repository.Link, err error) {
	var user *string
	err = row.Scan((*string)(&l.Hash), (*string)(&l.Purpose), &user, &l.Email, &l.EmailKey, &l.CredentialVersion, &l.Mailed, &l.Signup, &l.CreatedAt, &l.ExpiresAt)
	if user != nil {
		l.UserID = *user
	}
	l.Signup, l.CreatedAt, l.ExpiresAt = orNil(l.Signup), l.CreatedAt.UTC(), l.ExpiresAt.UTC()
	return l, err
}
