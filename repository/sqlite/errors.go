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

// storeError converts an error of the driver into an error of the contract. No other
// function looks at driver errors. An error that says nothing about the data is
// ErrUnavailable.
func storeError(err error) error {
	var se *sqlite.Error
	switch {
	case err == nil:
		return nil
	case repository.Known(err):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return repository.ErrNotFound
	case errors.As(err, &se) && se.Code()&0xff == lib.SQLITE_CONSTRAINT: // the primary code of an extended one
		switch se.Code() {
		case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
			return uniqueError(err)
		}
		return err
	}
	if busy(err) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w: %w", repository.ErrUnavailable, repository.ErrLocked, err)
	}
	// The disk, a cancelled context, a closed file.
	return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
}

// busy reports whether another process held a lock for longer than the busy timeout.
func busy(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code()&0xff == lib.SQLITE_BUSY
}

// uniqueError returns the error for the key that is taken. SQLite names the column only in
// the message.
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
