package repository

import (
	"context"
	"time"
)

// PasswordHash is a bcrypt hash in its textual form. It has a type of its own
// so that a password cannot be stored in its place.
type PasswordHash string

// The privileges of a user.
const (
	PrivilegeUser          = 0
	PrivilegeManager       = 1
	PrivilegeAdministrator = 2
)

// User is one account.
type User struct {
	ID string // UUID

	// Username and Email are as the user wrote them; the keys are what they
	// are compared by and must be unique.
	Username    string
	UsernameKey string
	Email       string
	EmailKey    string

	PasswordHash PasswordHash
	Privilege    int
	Disabled     bool

	// SessionEpoch grows when all sessions of the user end at once. Sessions of
	// an older epoch are over, but for KeptSession (empty: none).
	SessionEpoch int64
	KeptSession  string

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Users keeps the accounts.
type Users interface {
	// CreateUser adds a user, and the audit record of it, in one step. With a
	// non-empty actor it does so only if that user is an enabled administrator
	// at that moment, else ErrNotAllowed. ErrUsernameExists or ErrEmailExists
	// when a key is taken: of many concurrent callers with one key exactly one
	// succeeds.
	CreateUser(ctx context.Context, u User, actor string, a AuditRecord) error

	// FindUserByID returns ErrNotFound for an unknown ID.
	FindUserByID(ctx context.Context, id string) (User, error)

	// FindUserByUsername looks up by UsernameKey; ErrNotFound if there is none.
	FindUserByUsername(ctx context.Context, key string) (User, error)

	// FindUserByEmail looks up by EmailKey; ErrNotFound if there is none.
	FindUserByEmail(ctx context.Context, key string) (User, error)

	// FindUserOfSession reads, in one step, the user and whether the session
	// has been revoked: all that a refresh needs from the database. ErrNotFound
	// for an unknown user.
	FindUserOfSession(ctx context.Context, userID, sessionID string) (u User, revoked bool, err error)
}
