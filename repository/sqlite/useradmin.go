package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"latchkey/repository"
)

// ListUsers implements repository.Users. Each state is a range of the index users_list, or with a prefix
// of users_by_username and users_by_email.
func (db *DB) ListUsers(ctx context.Context, q repository.UserQuery) (list []repository.UserEntry, err error) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("?%d", len(args))
	}
	where, limit := "", arg(q.Limit)
	if !q.CreatedAfter.IsZero() {
		where = " AND created_at >= " + arg(micros(q.CreatedAfter))
	}
	var parts []string
	part := func(key, order string) {
		for _, s := range q.States() {
			parts = append(parts, fmt.Sprintf(`SELECT * FROM (SELECT *, %s AS matched FROM users
				WHERE privilege = %d AND disabled = %t AND (email_verified_at > 0) = %t%s ORDER BY %s LIMIT %s)`,
				key, s.Privilege, s.Disabled, s.Verified, where, order, limit))
		}
	}
	order := "created_at DESC, id DESC"
	if q.Prefix == "" {
		if q.After.ID != "" {
			where += " AND (created_at, id) < (" + arg(micros(q.After.CreatedAt)) + ", " + arg(q.After.ID) + ")"
		}
		part("''", order)
	} else {
		all, from, end := where, " >= "+arg(q.Prefix), arg(q.Prefix+"\U0010FFFF") // texts are compared by their bytes
		if q.After.Key != "" {
			from = " > " + arg(q.After.Key)
		}
		for _, key := range []string{"username_key", "email_key"} {
			where = fmt.Sprintf("%s AND %s%s AND %[2]s < %[4]s", all, key, from, end)
			part(key, key)
		}
		order = "matched"
	}
	rows, err := db.read.QueryContext(ctx, `SELECT `+userColumns+`, u.matched FROM (`+strings.Join(parts, " UNION ALL ")+`) u ORDER BY `+order+` LIMIT `+limit, args...)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e repository.UserEntry
		if e.User, err = scanUser(rows, &e.Key); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, storeError(rows.Err())
}

// ChangeUser implements repository.Users.
func (db *DB) ChangeUser(ctx context.Context, c repository.UserChange, a repository.AuditRecord, mail ...repository.Message) (u repository.User, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, c.By, repository.PrivilegeAdministrator); err != nil {
			return err
		}
		last, err := lastAdministrator(ctx, tx, c.UserID)
		if err != nil {
			return err
		}
		before, err := scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = ?`, c.UserID))
		if err != nil {
			return err
		}
		u = c.Apply(before)
		switch {
		case !c.Was.IsZero() && !c.Was.Equal(before.UpdatedAt):
			return repository.ErrConflict
		case last && (u.Privilege < repository.PrivilegeAdministrator || u.Disabled):
			return repository.ErrLastAdministrator
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE users SET username = ?2, username_key = ?3, email = ?4, email_key = ?5, privilege = ?6, disabled = ?7, disabled_reason = ?8,
				session_epoch = ?9, except_session_id = ?10, email_verified_at = ?11, locale = ?12, updated_at = ?13 WHERE id = ?1`,
			u.ID, u.Username, u.UsernameKey, u.Email, u.EmailKey, u.Privilege, u.Disabled, u.DisabledReason,
			u.SessionEpoch, u.ExceptSession, micros(u.EmailVerifiedAt), u.Locale, micros(u.UpdatedAt)); err != nil {
			return err
		}
		if u.EmailKey != before.EmailKey {
			if err := addressTaken(ctx, tx, u.EmailKey, u.ID, c.At); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE user_id = ? AND purpose <> 'undo'`, u.ID); err != nil {
				return err
			}
		}
		if err := appendAudit(ctx, tx, a); err != nil {
			return err
		}
		return enqueue(ctx, tx, mail)
	})
	return u, err
}

// RemoveUser implements repository.Users.
func (db *DB) RemoveUser(ctx context.Context, userID string, was time.Time, by repository.Caller, a repository.AuditRecord) (epoch int64, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := allow(ctx, tx, by, repository.PrivilegeAdministrator); err != nil {
			return err
		}
		last, err := lastAdministrator(ctx, tx, userID)
		if err != nil {
			return err
		}
		if err := forgetMail(ctx, tx, userID, a.At); err != nil {
			return err
		}
		var updated int64
		if err := tx.QueryRowContext(ctx, `DELETE FROM users WHERE id = ? RETURNING session_epoch + 1, updated_at`, userID).Scan(&epoch, &updated); err != nil {
			return err
		}
		switch {
		case !was.IsZero() && micros(was) != updated:
			return repository.ErrConflict
		case last:
			return repository.ErrLastAdministrator
		}
		return appendAudit(ctx, tx, a)
	})
	return epoch, err
}
