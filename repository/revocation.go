package repository

import (
	"context"
	"time"
)

// EndReason is the reason why a session was revoked. The values are part of the API.
type EndReason string

// The reasons.
const (
	EndLogout     EndReason = "logout"
	EndReuse      EndReason = "reuse"
	EndReplaced   EndReason = "replaced" // a login of the same browser replaced it
	EndEvicted    EndReason = "evicted"  // a login exceeded the number of sessions
	EndByUser     EndReason = "by_user"  // in the list of sessions
	EndByAdmin    EndReason = "by_operator"
	EndPassword   EndReason = "password_changed"
	EndDisabled   EndReason = "account_disabled"
	EndDeleted    EndReason = "account_deleted"
	EndCodeReused EndReason = "code_reused" // its authorization code was redeemed twice
)

// Revocation is the durable record that a session is revoked.
type Revocation struct {
	SessionID string
	UserID    string
	Reason    EndReason
	At        time.Time
	ExpiresAt time.Time // from this time on no token of the session is valid
}

// Revocations stores in the database which sessions were revoked. It is authoritative: the
// tombstone in the session store is written afterwards.
type Revocations interface {
	// RevokeSession revokes a session and writes the audit record in one step. The first
	// call for a session reports true. Every other call, also a concurrent one, reports
	// false and changes nothing. It returns ErrNotAllowed if the session of the caller is
	// not live, or if the caller is neither the user nor an administrator.
	RevokeSession(ctx context.Context, r Revocation, by Caller, a AuditRecord, mail ...Message) (first bool, err error)

	// RecordLogin writes the audit record of a login and revokes the sessions that the
	// login ends, in one step. Sessions that are revoked already do not change. It
	// returns the sessions that it revoked. If login.UserID is not an enabled user with
	// that epoch, the account has changed since the login read it: RecordLogin writes
	// nothing and returns ErrNotFound.
	RecordLogin(ctx context.Context, login AuditRecord, epoch int64, ended []Ended, mail ...Message) (revoked []string, err error)

	// ListRevoked returns the IDs of the revoked sessions of a user.
	ListRevoked(ctx context.Context, userID string) ([]string, error)

	// PurgeRevocations deletes at most limit revocations that expired before a time and
	// returns their number.
	PurgeRevocations(ctx context.Context, before time.Time, limit int) (int, error)
}

// Ended is a session that a login ends, with its audit record.
type Ended struct {
	Revocation Revocation
	Audit      AuditRecord
}
