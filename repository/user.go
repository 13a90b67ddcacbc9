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
	// CreateUser adds a user and its audit record in one step. A caller must be an
	// administrator, else ErrNotAllowed. ErrUsernameExists or ErrEmailExists
	// when a key is taken: of many concurrent callers with one key exactly one
	// succeeds.
	CreateUser(ctx context.Context, u User, by Caller, a AuditRecord) error

	// FindUserByID returns ErrNotFound for an unknown ID.
	FindUserByID(ctx context.Context, id string) (User, error)

	// FindUserByUsername looks up by UsernameKey; ErrNotFound if there is none.
	FindUserByUsername(ctx context.Context, key string) (User, error)

	// FindUserByEmail looks up by EmailKey; ErrNotFound if there is none.
	FindUserByEmail(ctx context.Context, key string) (User, error)

	// FindUserOfSession reads, in one step, the user and why the session has been
	// revoked, or "": all that a refresh needs from the database. ErrNotFound for
	// an unknown user.
	FindUserOfSession(ctx context.Context, userID, sessionID string) (u User, ended EndReason, err error)

	// ChangePassword replaces the caller's password hash and ends all of the
	// caller's sessions but the one that asks, in one step. It returns the epoch
	// after that. ErrNotAllowed if the caller's session is not live; ErrNotFound
	// if the hash is not Old: of many concurrent callers exactly one succeeds.
	ChangePassword(ctx context.Context, c PasswordChange, a AuditRecord) (epoch int64, err error)

	// ReplaceHash replaces a hash by another of the same password. ErrNotFound if
	// there is no such user whose hash is old.
	ReplaceHash(ctx context.Context, userID string, old, hash PasswordHash, at time.Time) error

	// EndUserSessions ends all sessions of a user, in one step: the epoch grows,
	// and is returned. ErrNotFound for an unknown user.
	EndUserSessions(ctx context.Context, userID string, at time.Time, a AuditRecord) (epoch int64, err error)

	// EndOtherUserSessions ends all sessions of the caller but the one that asks,
	// in one step. It returns the epoch after that. ErrNotAllowed if that session
	// is not live, else an ended session would become live again.
	EndOtherUserSessions(ctx context.Context, by Caller, at time.Time, a AuditRecord) (epoch int64, err error)

	// DisableUser disables a user, which ends all sessions, or enables one. It
	// returns the epoch after that. ErrNotFound for an unknown user;
	// ErrLastAdministrator if no enabled administrator would be left, whatever
	// happens concurrently.
	DisableUser(ctx context.Context, userID string, disabled bool, at time.Time, a AuditRecord) (epoch int64, err error)

	// RecordActing records that the caller, an administrator, was given a token
	// that speaks for a user. ErrNotAllowed, and no record, unless the user is
	// enabled and no administrator at that moment.
	RecordActing(ctx context.Context, userID string, by Caller, a AuditRecord) error

	// EndAllSessions ends every session of every user, in one step, and returns
	// how many users there are. The epoch becomes one that no user had before,
	// not even before a restore of the database: at in microseconds, or one more
	// than it was if that is greater.
	EndAllSessions(ctx context.Context, at time.Time, a AuditRecord) (users int, err error)
}

// PasswordChange is a new hash for the password of a caller.
type PasswordChange struct {
	By  Caller
	Old PasswordHash
	New PasswordHash
	At  time.Time
}
