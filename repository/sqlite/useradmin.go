package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"latchkey/repository"
)

// ListUsers implements repository.Users. Each combination of privilege, disabled and verified is a
// range of the index users_list, and the query merges the ranges that it needs. So every filter
// is as fast as none.
func (db *DB) ListUsers(ctx context.Context, q repository.UserQuery) (list []repository.User, err error) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("?%d", len(args))
	}
	limit := arg(q.Limit)
	var query string
	if q.Prefix != "" {
		query = byPrefix(q, arg, limit)
	} else {
		query = byCreation(q, arg, limit)
	}
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		u, err := scanUser(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, storeError(rows.Err())
}

func byCreation(q repository.UserQuery, arg func(any) string, limit string) string {
	where := ""
	if !q.CreatedAfter.IsZero() {
		where += " AND created_at >= " + arg(micros(q.CreatedAfter))
	}
	if q.After.ID != "" {
		where += " AND (created_at, id) < (" + arg(micros(q.After.CreatedAt)) + ", " + arg(q.After.ID) + ")"
	}
	var parts []string
	for privilege := range repository.PrivilegeAdministrator + 1 {
		for _, disabled := range []bool{false, true} {
			for _, verified := range []bool{false, true} {
				if q.Privilege != nil && *q.Privilege != privilege || q.Disabled != nil && *q.Disabled != disabled || q.Verified != nil && *q.Verified != verified {
					continue
				}
				parts = append(parts, fmt.Sprintf(`SELECT * FROM (SELECT * FROM users WHERE privilege = %d AND disabled = %t AND (email_verified_at > 0) = %t%s
					ORDER BY created_at DESC, id DESC LIMIT %s)`, privilege, disabled, verified, where, limit))
			}
		}
	}
	return `SELECT ` + userColumns + ` FROM (` + strings.Join(parts, " UNION ALL ") + `) u ORDER BY u.created_at DESC, u.id DESC LIMIT ` + limit
}

// byPrefix searches usernames and email addresses. A user whose two keys match is found by the
// username only.
func byPrefix(q repository.UserQuery, arg func(any) string, limit string) string {
	where := ""
	if q.Privilege != nil {
		where += " AND privilege = " + arg(*q.Privilege)
	}
	if q.Disabled != nil {
		where += " AND disabled = " + arg(*q.Disabled)
	}
	if q.Verified != nil {
		where += " AND (email_verified_at > 0) = " + arg(*q.Verified)
	}
	if !q.CreatedAfter.IsZero() {
		where += " AND created_at >= " + arg(micros(q.CreatedAfter))
	}
	from, to := arg(q.Prefix), arg(q.Prefix+"\U0010FFFF") // texts are compared by their bytes
	part := func(key, more string) string {
		after := ""
		if q.After.Key != "" {
			k := arg(q.After.Key)
			after = fmt.Sprintf(" AND (%s > %s OR %[1]s = %[2]s AND id > %s)", key, k, arg(q.After.ID))
		}
		return fmt.Sprintf(`SELECT * FROM (SELECT *, %s AS matched FROM users WHERE %[1]s >= %[2]s AND %[1]s < %[3]s%[4]s%[5]s%[6]s
			ORDER BY %[1]s, id LIMIT %[7]s)`,
			key, from, to, more, where, after, limit)
	}
	return `SELECT ` + userColumns + ` FROM (` + part("username_key", "") + ` UNION ALL ` +
		part("email_key", " AND NOT (username_key >= "+from+" AND username_key < "+to+")") +
		`) u ORDER BY u.matched, u.id LIMIT ` + limit
}

// ChangeUser implements repository.Users.
func (db *DB) ChangeUser(ctx context.Context, c repository.UserChange, a repository.AuditRecord) (u repository.User, err error) {
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
		}
		return appendAudit(ctx, tx, a)
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
