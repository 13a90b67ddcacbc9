package repository

import (
	"context"
	"time"
)

// EndReason says why a session ended. The values are part of the API.
type EndReason string

// The reasons.
const (
	EndLogout     EndReason = "logout"
	EndReuse      EndReason = "reuse"
	EndReplaced   EndReason = "replaced" // a login carried its refresh cookie
	EndEvicted    EndReason = "evicted"  // a login found too many others
	EndByUser     EndReason = "by_user"  // from the list of devices
	EndByAdmin    EndReason = "by_operator"
	EndPassword   EndReason = "password_changed"
	EndDisabled   EndReason = "account_disabled"
	EndCodeReused EndReason = "code_reused" // its authorization code was used twice
)

// Revocation is the durable record that a session is over.
type Revocation struct {
	SessionID string
	UserID    string
	Reason    EndReason
	At        time.Time
	ExpiresAt time.Time // when no token of the session can be valid any more
}

// Revocations keeps in the database which sessions were ended before their
// time. It is what decides: the tombstone in the session store follows.
type Revocations interface {
	// RevokeSession records that a session is over, and the audit record of it,
	// in one step. Only the first call for a session writes; it reports true,
	// all others, concurrent ones too, report false and change nothing.
	// ErrNotAllowed if there is a caller whose session is not live.
	RevokeSession(ctx context.Context, r Revocation, by Caller, a AuditRecord) (first bool, err error)

	// RecordLogin writes the audit record of a login and revokes the sessions
	// that the login ends, in one step; those that are revoked already stay as
	// they are. It returns the sessions that it revoked. ErrNotFound, and nothing
	// is written, if login.UserID is not an enabled user of that epoch: the
	// account has changed since the login read it.
	RecordLogin(ctx context.Context, login AuditRecord, epoch int64, ended []Ended) (revoked []string, err error)

	// ListRevoked returns which sessions of a user have been revoked.
	ListRevoked(ctx context.Context, userID string) ([]string, error)

	// PurgeRevocations forgets at most limit revocations that expired before a
	// time, and returns how many.
	PurgeRevocations(ctx context.Context, before time.Time, limit int) (int, error)
}

// Ended is a session that a login ends, with its audit record.
type Ended struct {
	Revocation Revocation
	Audit      AuditRecord
}
