package repository

import (
	"errors"
	"fmt"
)

// The errors of the contract. Anything else that a store returns is a defect
// and is reported as internal.
var (
	// ErrNotFound: there is no such record, or none that is still valid.
	ErrNotFound = errors.New("not found")
	// ErrExists: a unique key is taken. The two below say which.
	ErrExists = errors.New("exists")
	// ErrUsernameExists: another user has this username, in some case.
	ErrUsernameExists = fmt.Errorf("username %w", ErrExists)
	// ErrEmailExists: another user has this e-mail address, in some case.
	ErrEmailExists = fmt.Errorf("email %w", ErrExists)
	// ErrNotAllowed: the session of the caller is not live, or the caller does
	// not have the privilege that the write demands.
	ErrNotAllowed = errors.New("not allowed")
	// ErrLastAdministrator: the write would leave no enabled administrator.
	ErrLastAdministrator = errors.New("last administrator")
	// ErrUnavailable: the store is down, slow, read-only or full. The caller
	// may try the same call again; nothing says that it had no effect.
	ErrUnavailable = errors.New("store unavailable")
)

// Advice is an error of a store that an operator can do something about. It is within
// an ErrUnavailable.
type Advice struct {
	Fix string // what to do
	Err error
}

// Error implements error.
func (a *Advice) Error() string { return a.Fix + ": " + a.Err.Error() }

// Unwrap returns what the store said.
func (a *Advice) Unwrap() error { return a.Err }

// Known reports whether an error is one of the contract, so that a backend passes
// it on as it is.
func Known(err error) bool {
	for _, known := range []error{ErrNotFound, ErrExists, ErrNotAllowed, ErrLastAdministrator, ErrUnavailable} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
