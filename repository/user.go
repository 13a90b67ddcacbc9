package repository

import (
	"context"
	"time"
)

// PasswordHash is a bcrypt hash in its textual form. The separate type prevents storing the
// password itself.
type PasswordHash string

// The privileges of a user.
const (
	PrivilegeUser          = 0
	PrivilegeManager       = 1
	PrivilegeAdministrator = 2
)

// User is an account.
type User struct {
	ID string // UUID

	// Username and Email are stored as the user typed them. Comparisons use the keys,
	// which are normalized and unique.
	Username    string
	UsernameKey string
	Email       string
	EmailKey    string

	PasswordHash PasswordHash
	// CredentialVersion is incremented by each new password. A new hash of the same
	// password does not change it.
	CredentialVersion int64
	Privilege         int
	Disabled          bool

	Locale          string    // en, de, ja or ko; empty: the default
	EmailVerifiedAt time.Time // zero: not verified
	// ResetLinkIssuedAt is when an administrator or an operator last received a link that
	// resets the password.
	ResetLinkIssuedAt time.Time

	// SessionEpoch is incremented to revoke all sessions of the user at once. Sessions of
	// an older epoch are revoked, except ExceptSession (empty: none).
	SessionEpoch  int64
	ExceptSession string

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Users stores the accounts.
type Users interface {
	// CreateUser adds a user and its audit record in one step. It returns ErrNotAllowed if
	// the caller is not an administrator, and ErrUsernameExists or ErrEmailExists if a
	// key is taken: of concurrent calls with the same key exactly one succeeds. An address
	// that a live undo link restores is taken too.
	CreateUser(ctx context.Context, u User, by Caller, a AuditRecord, mail ...Message) error

	// FindUserByID returns ErrNotFound for an unknown ID.
	FindUserByID(ctx context.Context, id string) (User, error)

	// FindUserByUsername finds a user by UsernameKey. It returns ErrNotFound if none has it.
	FindUserByUsername(ctx context.Context, key string) (User, error)

	// FindUserByEmail finds a user by EmailKey. It returns ErrNotFound if none has it.
	FindUserByEmail(ctx context.Context, key string) (User, error)

	// FindUserOfSession returns the user, and the reason why the session was revoked, or
	// "", in one step. A refresh needs nothing else from the database. It returns
	// ErrNotFound for an unknown user.
	FindUserOfSession(ctx context.Context, userID, sessionID string) (u User, ended EndReason, err error)

	// ChangePassword replaces the caller's password hash and revokes all sessions of the
	// user except the caller's, in one step. It returns the new epoch. It returns
	// ErrNotAllowed if the caller's session is not live, and ErrNotFound if the hash is
	// not Old: of concurrent calls exactly one succeeds.
	ChangePassword(ctx context.Context, c PasswordChange, a AuditRecord, mail ...Message) (epoch int64, err error)

	// ChangeProfile changes the caller's username or locale, in one step, and adds the
	// messages. It returns ErrUsernameExists if another user has the key, ErrNotAllowed if
	// the caller's session is not live, and ErrNotFound if the password hash is not Hash.
	ChangeProfile(ctx context.Context, c ProfileChange, a AuditRecord, mail ...Message) error

	// DeleteUser deletes the caller's account, in one step. It returns the epoch that ends
	// all sessions. It returns ErrNotAllowed if the caller's session is not live,
	// ErrNotFound if the password hash is not hash, and ErrLastAdministrator if no enabled
	// administrator would remain, also under concurrent calls.
	DeleteUser(ctx context.Context, by Caller, hash PasswordHash, a AuditRecord) (epoch int64, err error)

	// SetPassword replaces the password hash of a user, whatever it was, and revokes all
	// sessions of the user, in one step. It returns the new epoch, and ErrNotFound for an
	// unknown user.
	SetPassword(ctx context.Context, userID string, hash PasswordHash, at time.Time, a AuditRecord, mail ...Message) (epoch int64, err error)

	// ReplaceHash replaces a hash by another hash of the same password. It returns
	// ErrNotFound unless the hash of the user is old.
	ReplaceHash(ctx context.Context, userID string, old, hash PasswordHash, at time.Time) error

	// EndUserSessions revokes all sessions of a user in one step: it increments the epoch
	// and returns it. It returns ErrNotFound for an unknown user.
	EndUserSessions(ctx context.Context, userID string, at time.Time, a AuditRecord) (epoch int64, err error)

	// EndOtherUserSessions revokes all sessions of the user except the caller's, in one
	// step, and returns the new epoch. It returns ErrNotAllowed if the caller's session
	// is not live, because a revoked session would become live again.
	EndOtherUserSessions(ctx context.Context, by Caller, at time.Time, a AuditRecord) (epoch int64, err error)

	// DisableUser disables a user, which revokes all sessions, or enables a user. It
	// returns the new epoch. It returns ErrNotFound for an unknown user, and
	// ErrLastAdministrator if no enabled administrator would remain, also under
	// concurrent calls.
	DisableUser(ctx context.Context, userID string, disabled bool, at time.Time, a AuditRecord) (epoch int64, err error)

	// RecordActing records that the caller, an administrator, impersonates a user. It
	// writes nothing and returns ErrNotAllowed if the caller is not an administrator, or
	// the user is disabled or an administrator.
	RecordActing(ctx context.Context, userID string, by Caller, a AuditRecord) error

	// EndAllSessions revokes all sessions of all users in one step and returns the number
	// of users. Each user gets an epoch that the user never had, not even before the
	// database was restored from a backup: at in microseconds, or the previous epoch plus
	// one if that is greater.
	EndAllSessions(ctx context.Context, at time.Time, a AuditRecord) (users int, err error)
}

// PasswordChange replaces the password hash of the caller.
type PasswordChange struct {
	By  Caller
	Old PasswordHash
	New PasswordHash
	At  time.Time
}

// ProfileChange changes the username or the locale of the caller. An empty field stays as it is.
type ProfileChange struct {
	By          Caller
	Hash        PasswordHash // which the caller has confirmed
	Username    string
	UsernameKey string
	Locale      string
	At          time.Time
}
