package sqlite

import (
	"context"
	"database/sql"

	"latchkey/repository"
)

// allow returns ErrNotAllowed unless the caller may make a change. It is repository.Caller
// in SQL. SQLite has one writer, so the result holds until the transaction is committed.
// The zero Caller is always allowed.
func allow(ctx context.Context, tx *sql.Tx, by repository.Caller, privilege int) error {
	if by == (repository.Caller{}) {
		return nil
	}
	var allowed bool
	err := tx.QueryRowContext(ctx, `SELECT ?2 <> '' AND EXISTS (
			SELECT 1 FROM users WHERE id = ?1 AND disabled = 0 AND privilege >= ?4 AND (session_epoch = ?3 OR except_session_id = ?2))
		AND NOT EXISTS (SELECT 1 FROM revoked_sessions WHERE session_id = ?2)`,
		by.UserID, by.SessionID, by.Epoch, privilege).Scan(&allowed)
	if err == nil && !allowed {
		return repository.ErrNotAllowed
	}
	return err
}
