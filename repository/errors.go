package repository

import (
	"errors"
	"fmt"
)

// The errors of the contract. Any other error of a store is a defect and is reported as
// internal.
var (
	// ErrNotFound: no such record exists, or it is no longer valid.
	ErrNotFound = errors.New("not found")
	// ErrExists: a unique key is taken. The next two errors name the key.
	ErrExists = errors.New("exists")
	// ErrUsernameExists: another user has this username, ignoring case.
	ErrUsernameExists = fmt.Errorf("username %w", ErrExists)
	// ErrEmailExists: another user has this email address, ignoring case.
	ErrEmailExists = fmt.Errorf("email %w", ErrExists)
	// ErrNotAllowed: the session of the caller is not live, or the caller lacks the
	// privilege that the write requires.
	ErrNotAllowed = errors.New("not allowed")
	// ErrLastAdministrator: no enabled administrator would remain.
	ErrLastAdministrator = errors.New("last administrator")
	// ErrConflict: the record has changed since the caller read it.
	ErrConflict = errors.New("changed meanwhile")
	// ErrLimit: the user has as many records of the kind as are allowed.
	ErrLimit = errors.New("limit reached")
	// ErrUnavailable: the store is down, slow, read-only or full. The call may have had
	// an effect. The caller may retry it.
	ErrUnavailable = errors.New("store unavailable")
)

// Advice is an error of a store that an operator can fix. An ErrUnavailable wraps it.
type Advice struct {
	Fix string // what to do
	Err error
}

// Error implements error.
func (a *Advice) Error() string { return a.Fix + ": " + a.Err.Error() }

// Unwrap returns the error of the store.
func (a *Advice) Unwrap() error { return a.Err }

// ErrLocked is the probable cause of an ErrUnavailable: a statement waited for too long.
var ErrLocked = errors.New("another process may hold a lock on the database, or the database is slow; try again")

// Known reports whether an error belongs to the contract, so that a backend returns it
// unchanged.
func Known(err error) bool {
	for _, known := range []error{ErrNotFound, ErrExists, ErrNotAllowed, ErrLastAdministrator, ErrConflict, ErrLimit, ErrUnavailable} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
