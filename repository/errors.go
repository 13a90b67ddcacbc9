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
	// ErrNotAllowed: the actor of a privileged write no longer has the
	// privilege that the write demands.
	ErrNotAllowed = errors.New("not allowed")
	// ErrUnavailable: the store is down, slow, read-only or full. The caller
	// may try the same call again; nothing says that it had no effect.
	ErrUnavailable = errors.New("store unavailable")
)
