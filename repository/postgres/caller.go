package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

// callerAllowed returns one row if the caller may make a change, otherwise none. $13 is the
// user, $14 the session, $15 the epoch and $16 the minimum privilege. It is repository.Caller
// in SQL. The zero Caller is always allowed.
const callerAllowed = `
	SELECT 1 WHERE $13::text = '' OR $14::text <> '' AND EXISTS (
		SELECT 1 FROM users c WHERE c.id = NULLIF($13, '')::uuid AND NOT c.disabled AND c.privilege >= $16::smallint
			AND (c.session_epoch = $15::bigint OR c.except_session_id = $14))
		AND NOT EXISTS (SELECT 1 FROM revoked_sessions r WHERE r.session_id = $14)`

// changeBy makes a change, writes its audit record and adds its messages. The change must read
// from the table "allowed", which is empty if the caller is not allowed, and return a bigint
// n. Its parameters begin at $17. changeBy returns ErrNotAllowed if the caller is not
// allowed, and ErrNotFound if no row changed. Without messages it is one statement.
func (db *DB) changeBy(ctx context.Context, by repository.Caller, privilege int, a repository.AuditRecord, mail []repository.Message, change string, args ...any) (n int64, err error) {
	if len(mail) == 0 {
		return changeIn(ctx, db.pool, by, privilege, a, change, args...)
	}
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		if n, err = changeIn(ctx, tx, by, privilege, a, change, args...); err != nil {
			return err
		}
		return enqueue(ctx, tx, mail)
	})
	return n, err
}

// changeIn is changeBy without messages, on the pool or in a transaction.
func changeIn(ctx context.Context, on interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, by repository.Caller, privilege int, a repository.AuditRecord, change string, args ...any,
) (n int64, err error) {
	var allowed bool
	var changed *int64
	err = on.QueryRow(ctx, `
		WITH allowed AS (`+callerAllowed+`), changed AS (`+change+`), recorded AS (`+insertAudit+` FROM changed)
		SELECT EXISTS (SELECT 1 FROM allowed), (SELECT n FROM changed)`,
		append(append(auditArgs(a), by.UserID, by.SessionID, by.Epoch, privilege), args...)...).Scan(&allowed, &changed)
	switch {
	case err != nil:
		return 0, storeError(err)
	case !allowed:
		return 0, repository.ErrNotAllowed
	case changed == nil:
		return 0, repository.ErrNotFound
	}
	return *changed, nil
}
