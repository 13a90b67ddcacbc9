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

	// FindUserOfSession reads, in one step, the user and why the session has been
	// revoked, or "": all that a refresh needs from the database. ErrNotFound for
	// an unknown user.
	FindUserOfSession(ctx context.Context, userID, sessionID string) (u User, ended EndReason, err error)

	// ChangePassword replaces a hash and ends the user's sessions but one, in
	// one step. ErrNotFound if there is no such user whose hash is Old and whose
	// epoch is Epoch: of many concurrent callers exactly one succeeds.
	ChangePassword(ctx context.Context, c PasswordChange, a AuditRecord) error

	// ReplaceHash replaces a hash by another of the same password. ErrNotFound if
	// there is no such user whose hash is old.
	ReplaceHash(ctx context.Context, userID string, old, hash PasswordHash, at time.Time) error

	// EndUserSessions ends all sessions of a user, in one step: the epoch grows,
	// and is returned. ErrNotFound for an unknown user.
	EndUserSessions(ctx context.Context, userID string, at time.Time, a AuditRecord) (epoch int64, err error)

	// EndOtherUserSessions is EndUserSessions but for one session, which must
	// have been found live at that epoch: ErrNotFound if the user has another by
	// now, else a session that was ended meanwhile would come back.
	EndOtherUserSessions(ctx context.Context, userID, kept string, epoch int64, at time.Time, a AuditRecord) error

	// DisableUser disables a user, which ends all sessions, or enables one. It
	// returns the epoch after that. ErrNotFound for an unknown user.
	DisableUser(ctx context.Context, userID string, disabled bool, at time.Time, a AuditRecord) (epoch int64, err error)

	// RecordActing records that the actor was given a token that speaks for a
	// user. ErrNotAllowed, and no record, unless the actor is an enabled
	// administrator, and the user an enabled one who is none, at that moment.
	RecordActing(ctx context.Context, userID, actor string, a AuditRecord) error

	// EndAllSessions ends every session of every user, in one step, and returns
	// how many users there are. The epoch becomes one that no user had before,
	// not even before a restore of the database: at in microseconds, or one more
	// than it was if that is greater.
	EndAllSessions(ctx context.Context, at time.Time, a AuditRecord) (users int, err error)
}

// PasswordChange is a new hash for a user.
type PasswordChange struct {
	UserID string
	Old    PasswordHash
	New    PasswordHash
	Kept   string // the session that stays, found live at Epoch
	Epoch  int64  // the user's, when all of this was read
	At     time.Time
}
