package repository

import (
	"context"
	"time"
)

// LinkHash is the SHA-256 digest of the token of a one-time link, in hexadecimal.
type LinkHash string

// LinkPurpose is what a link is for. A link has no other use.
type LinkPurpose string

// The purposes.
const (
	LinkSignup LinkPurpose = "signup" // creates the account that the link describes
	LinkVerify LinkPurpose = "verify" // proves the address of the account
	LinkChange LinkPurpose = "change" // proves a new address and makes it the address of the account
	LinkReset  LinkPurpose = "reset"  // sets a new password
	LinkUndo   LinkPurpose = "undo"   // restores an earlier address and sets a new password
)

// Link is a one-time link. Using a link deletes the other links of the same user and purpose,
// except an undo link, which deletes only newer ones.
type Link struct {
	Hash     LinkHash
	Purpose  LinkPurpose
	UserID   string // empty for LinkSignup
	Email    string // the address that the link proves, or restores
	EmailKey string
	// CredentialVersion is the user's when the link was created. A link for LinkReset or
	// LinkChange cannot be used after the user has a new password.
	CredentialVersion int64
	Mailed            bool   // the link was sent to Email, so its use proves the address
	Signup            []byte // the account that LinkSignup creates, encrypted
	CreatedAt         time.Time
	ExpiresAt         time.Time
}

// Links stores the one-time links. Each method that uses a link deletes it: of concurrent calls
// exactly one succeeds. The methods return ErrNotFound if the link is unknown, used, expired, for
// another purpose, or if the account has changed so that the link is void.
type Links interface {
	// CreateLink creates a reset link that an administrator, the caller, or an operator
	// passes on, and records in the account that it did. If the user has max live reset
	// links, the oldest is deleted. It returns ErrNotAllowed if the caller is not an
	// administrator or the user is one; the zero Caller may do it for any user. It returns
	// ErrNotFound if the user is unknown or disabled, or has another address or password
	// than the link.
	CreateLink(ctx context.Context, l Link, max int, by Caller, a AuditRecord) error

	// FindLink returns a link that can be used now, without using it.
	FindLink(ctx context.Context, hash LinkHash, now time.Time) (Link, error)

	// CreateVerifiedUser uses a LinkSignup: it creates the user. It returns
	// ErrUsernameExists and ErrEmailExists as CreateUser does.
	CreateVerifiedUser(ctx context.Context, hash LinkHash, u User, a AuditRecord) error

	// VerifyEmail uses a LinkVerify: the address of the account is verified.
	VerifyEmail(ctx context.Context, hash LinkHash, at time.Time, a AuditRecord) error

	// ChangeEmail uses a LinkChange: the account gets the address of the link, verified. The
	// link undo, of LinkUndo, gets the previous address and is created; nil: none. Until it
	// expires, no other user can get the previous address. It returns ErrEmailExists if
	// another user has the address, and ErrLimit if the user has max live undo links.
	ChangeEmail(ctx context.Context, hash LinkHash, undo *Link, max int, at time.Time, a AuditRecord, mail ...Message) error

	// ResetPassword uses a LinkReset: it replaces the password hash and revokes all sessions.
	// A mailed link verifies the address. It returns the new epoch.
	ResetPassword(ctx context.Context, hash LinkHash, next PasswordHash, at time.Time, a AuditRecord, mail ...Message) (epoch int64, err error)

	// UndoEmail uses a LinkUndo: the account gets the address of the link back, verified,
	// and a new password hash. All sessions are revoked, and all other links of the user
	// deleted, except older undo links. It returns the new epoch.
	UndoEmail(ctx context.Context, hash LinkHash, next PasswordHash, at time.Time, a AuditRecord, mail ...Message) (epoch int64, err error)

	// PurgeLinks deletes at most limit links that expired before a time and returns their
	// number.
	PurgeLinks(ctx context.Context, before time.Time, limit int) (int, error)
}
