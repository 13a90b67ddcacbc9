package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"latchkey/repository"
)

// storeError turns what the driver returned into an error of the contract. It
// is the only place that looks at a driver error.
func storeError(err error) error {
	var se *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return repository.ErrNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone):
		return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
	case !errors.As(err, &se):
		return err
	}
	switch code := se.Code(); code {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
		return uniqueError(err)
	default:
		switch code & 0xff { // the primary code of an extended one
		case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY,
			lib.SQLITE_CANTOPEN, lib.SQLITE_INTERRUPT, lib.SQLITE_NOMEM, lib.SQLITE_PERM, lib.SQLITE_PROTOCOL:
			return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
		}
	}
	return err
}

// uniqueError says which key is taken. SQLite names the column in its message
// and nowhere else.
func uniqueError(err error) error {
	switch {
	case strings.Contains(err.Error(), "users.username_key"):
		return repository.ErrUsernameExists
	case strings.Contains(err.Error(), "users.email_key"):
		return repository.ErrEmailExists
	default:
		return repository.ErrExists
	}
}
