package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

// ListUsers implements repository.Users. Each combination of privilege, disabled and verified is a
// range of the index users_list, and the query merges the ranges that it needs. So every filter
// is as fast as none.
func (db *DB) ListUsers(ctx context.Context, q repository.UserQuery) ([]repository.User, error) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	limit := arg(q.Limit)
	var query string
	if q.Prefix != "" {
		query = byPrefix(q, arg, limit)
	} else {
		query = byCreation(q, arg, limit)
	}
	rows, err := db.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, storeError(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (repository.User, error) { return scanUser(row) })
	return list, storeError(err)
}

func byCreation(q repository.UserQuery, arg func(any) string, limit string) string {
	where := ""
	if !q.CreatedAfter.IsZero() {
		where += " AND u.created_at >= " + arg(q.CreatedAfter) + "::timestamptz"
	}
	if q.After.ID != "" {
		where += " AND (u.created_at, u.id) < (" + arg(q.After.CreatedAt) + "::timestamptz, " + arg(q.After.ID) + "::text::uuid)"
	}
	var parts []string
	for privilege := range repository.PrivilegeAdministrator + 1 {
		for _, disabled := range []bool{false, true} {
			for _, verified := range []bool{false, true} {
				if q.Privilege != nil && *q.Privilege != privilege || q.Disabled != nil && *q.Disabled != disabled || q.Verified != nil && *q.Verified != verified {
					continue
				}
				parts = append(parts, fmt.Sprintf(`(SELECT u.* FROM users u WHERE u.privilege = %d AND u.disabled = %t AND (u.email_verified_at IS NOT NULL) = %t%s
					ORDER BY u.created_at DESC, u.id DESC LIMIT %s)`, privilege, disabled, verified, where, limit))
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
		where += " AND u.privilege = " + arg(*q.Privilege)
	}
	if q.Disabled != nil {
		where += " AND u.disabled = " + arg(*q.Disabled)
	}
	if q.Verified != nil {
		where += " AND (u.email_verified_at IS NOT NULL) = " + arg(*q.Verified)
	}
	if !q.CreatedAfter.IsZero() {
		where += " AND u.created_at >= " + arg(q.CreatedAfter) + "::timestamptz"
	}
	like := arg(strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(q.Prefix) + "%")
	part := func(key, more string) string {
		after := ""
		if q.After.Key != "" {
			k := arg(q.After.Key)
			after = fmt.Sprintf(" AND (u.%s ~>~ %s OR u.%[1]s = %[2]s AND u.id > %s::text::uuid)", key, k, arg(q.After.ID))
		}
		return fmt.Sprintf(`(SELECT u.*, u.%s AS matched FROM users u WHERE u.%[1]s LIKE %s%s%s%s ORDER BY u.%[1]s USING ~<~, u.id LIMIT %[6]s)`, key, like, more, where, after, limit)
	}
	return `SELECT ` + userColumns + ` FROM (` + part("username_key", "") + ` UNION ALL ` + part("email_key", " AND u.username_key NOT LIKE "+like) +
		`) u ORDER BY u.matched USING ~<~, u.id LIMIT ` + limit
}

// ChangeUser implements repository.Users.
func (db *DB) ChangeUser(ctx context.Context, c repository.UserChange, a repository.AuditRecord) (u repository.User, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		last, err := lastAdministrator(ctx, tx, c.UserID)
		if err != nil {
			return err
		}
		before, err := scanUser(tx.QueryRow(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = $1::uuid FOR UPDATE`, c.UserID))
		if err != nil {
			return err
		}
		u = c.Apply(before)
		if _, err := changeIn(ctx, tx, c.By, repository.PrivilegeAdministrator, a, `
			UPDATE users SET username = $18, username_key = $19, email = $20, email_key = $21, privilege = $22, disabled = $23, disabled_reason = $24,
				session_epoch = $25, except_session_id = $26, email_verified_at = $27, locale = $28, updated_at = $29
			FROM allowed WHERE id = $17::uuid RETURNING session_epoch AS n`,
			u.ID, u.Username, u.UsernameKey, u.Email, u.EmailKey, u.Privilege, u.Disabled, u.DisabledReason,
			u.SessionEpoch, u.ExceptSession, maybe(u.EmailVerifiedAt), u.Locale, u.UpdatedAt); err != nil {
			return err
		}
		switch {
		case !c.Was.IsZero() && !c.Was.Equal(before.UpdatedAt):
			return repository.ErrConflict
		case last && (u.Privilege < repository.PrivilegeAdministrator || u.Disabled):
			return repository.ErrLastAdministrator
		case u.EmailKey != before.EmailKey:
			return addressTaken(ctx, tx, u.EmailKey, u.ID, c.At)
		}
		return nil
	})
	return u, err
}

// RemoveUser implements repository.Users.
func (db *DB) RemoveUser(ctx context.Context, userID string, was time.Time, by repository.Caller, a repository.AuditRecord) (epoch int64, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		last, err := lastAdministrator(ctx, tx, userID)
		if err != nil {
			return err
		}
		var updated time.Time
		if err := tx.QueryRow(ctx, `SELECT updated_at FROM users WHERE id = $1::uuid FOR UPDATE`, userID).Scan(&updated); err != nil {
			return err
		}
		if err := forgetMail(ctx, tx, userID, a.At); err != nil {
			return err
		}
		epoch, err = changeIn(ctx, tx, by, repository.PrivilegeAdministrator, a,
			`DELETE FROM users u USING allowed WHERE u.id = $17::uuid RETURNING u.session_epoch + 1 AS n`, userID)
		switch {
		case err != nil:
			return err
		case !was.IsZero() && !was.Equal(updated):
			return repository.ErrConflict
		case last:
			return repository.ErrLastAdministrator
		}
		return nil
	})
	return epoch, err
}
