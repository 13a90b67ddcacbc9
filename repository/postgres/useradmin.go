package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

// ListUsers implements repository.Users. Each state is a range of the index users_list, or with a prefix
// of users_by_username and users_by_email.
func (db *DB) ListUsers(ctx context.Context, q repository.UserQuery) ([]repository.UserEntry, error) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	where, limit := "", arg(q.Limit)
	if !q.CreatedAfter.IsZero() {
		where = " AND created_at >= " + arg(q.CreatedAfter) + "::timestamptz"
	}
	var parts []string
	part := func(key, order string) {
		for _, s := range q.States() {
			// Postgres rewrites (email_verified_at IS NOT NULL) = false, and then uses no index on it.
			parts = append(parts, fmt.Sprintf(`(SELECT *, %s AS matched FROM users
				WHERE privilege = %d AND disabled = %t AND CASE WHEN email_verified_at IS NULL THEN 0 ELSE 1 END = %d%s ORDER BY %s LIMIT %s)`,
				key, s.Privilege, s.Disabled, map[bool]int{true: 1}[s.Verified], where, order, limit))
		}
	}
	order := "created_at DESC, id DESC"
	if q.Prefix == "" {
		if q.After.ID != "" {
			where += " AND (created_at, id) < (" + arg(q.After.CreatedAt) + "::timestamptz, " + arg(q.After.ID) + "::text::uuid)"
		}
		part("''", order)
	} else {
		all, like := where, arg(strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(q.Prefix)+"%")
		after := arg(q.After.Key)
		for _, key := range []string{"username_key", "email_key"} {
			where = fmt.Sprintf("%s AND %s LIKE %s AND %[2]s ~>~ %[4]s", all, key, like, after)
			part(key, key+" USING ~<~")
		}
		order = "matched USING ~<~"
	}
	rows, err := db.pool.Query(ctx, `SELECT `+userColumns+`, u.matched FROM (`+strings.Join(parts, " UNION ALL ")+`) u ORDER BY `+order+` LIMIT `+limit, args...)
	if err != nil {
		return nil, storeError(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e repository.UserEntry, err error) {
		e.User, err = scanUser(row, &e.Key)
		return e, err
	})
	return list, storeError(err)
}

// ChangeUser implements repository.Users.
func (db *DB) ChangeUser(ctx context.Context, c repository.UserChange, a repository.AuditRecord, mail ...repository.Message) (u repository.User, err error) {
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
			if err := addressTaken(ctx, tx, u.EmailKey, u.ID, c.At); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `DELETE FROM links WHERE user_id = $1::uuid AND purpose <> 'undo'`, u.ID); err != nil {
				return err
			}
		}
		return enqueue(ctx, tx, mail)
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
