package repository

import (
	"context"
	"iter"
	"time"
)

// AuditEvent is the kind of an audit record. The values are part of the API.
type AuditEvent string

// The events that are recorded.
const (
	AuditUserCreated    AuditEvent = "user_created"
	AuditLogin          AuditEvent = "login"
	AuditLoginFailed    AuditEvent = "login_failed"
	AuditSessionEnded   AuditEvent = "session_ended"
	AuditSessionsEnded  AuditEvent = "sessions_ended" // all sessions of a user, all but one, or all sessions of all users
	AuditPasswordChange AuditEvent = "password_changed"
	AuditUsernameChange AuditEvent = "username_changed"
	AuditUserChanged    AuditEvent = "user_changed" // by an administrator
	AuditUserDeleted    AuditEvent = "user_deleted"
	AuditProfileChange  AuditEvent = "profile_changed" // the language
	AuditEmailVerified  AuditEvent = "email_verified"
	AuditEmailRequested AuditEvent = "email_change_requested"
	AuditEmailChange    AuditEvent = "email_changed"
	AuditEmailRestored  AuditEvent = "email_restored"
	AuditPasswordReset  AuditEvent = "password_reset"
	AuditResetLink      AuditEvent = "reset_link_issued" // to an administrator or an operator
	AuditResetSent      AuditEvent = "reset_link_sent"   // by mail, for an administrator
	AuditUserDisabled   AuditEvent = "user_disabled"
	AuditUserEnabled    AuditEvent = "user_enabled"
	AuditRefreshReused  AuditEvent = "refresh_reused"
	AuditRefreshRefused AuditEvent = "refresh_refused"
	AuditRecovered      AuditEvent = "refresh_recovered"
	AuditRolledForward  AuditEvent = "refresh_rolled_forward"
	AuditKeyAdded       AuditEvent = "key_added"
	AuditKeyActivated   AuditEvent = "key_activated"
	AuditKeyRevoked     AuditEvent = "key_revoked"
	AuditClientCreated  AuditEvent = "client_created"
	AuditClientChanged  AuditEvent = "client_changed"
	AuditClientSecret   AuditEvent = "client_secret_rotated"
	AuditClientDeleted  AuditEvent = "client_deleted"
	AuditCodeIssued     AuditEvent = "code_issued"  // a user logged in to an application
	AuditCodeRefused    AuditEvent = "code_refused" // a code was refused and cannot be used again
	AuditTokenIssued    AuditEvent = "token_issued" // an administrator impersonates a user
	AuditPurged         AuditEvent = "audit_purged" // an operator deleted the records before a time
)

// AuditEvents returns all events.
func AuditEvents() []AuditEvent {
	return []AuditEvent{
		AuditUserCreated,
		AuditLogin,
		AuditLoginFailed,
		AuditSessionEnded,
		AuditSessionsEnded,
		AuditPasswordChange,
		AuditUsernameChange,
		AuditUserChanged,
		AuditUserDeleted,
		AuditProfileChange,
		AuditEmailVerified,
		AuditEmailRequested,
		AuditEmailChange,
		AuditEmailRestored,
		AuditPasswordReset,
		AuditResetLink,
		AuditResetSent,
		AuditUserDisabled,
		AuditUserEnabled,
		AuditRefreshReused,
		AuditRefreshRefused,
		AuditRecovered,
		AuditRolledForward,
		AuditKeyAdded,
		AuditKeyActivated,
		AuditKeyRevoked,
		AuditClientCreated,
		AuditClientChanged,
		AuditClientSecret,
		AuditClientDeleted,
		AuditCodeIssued,
		AuditCodeRefused,
		AuditTokenIssued,
		AuditPurged,
	}
}

// AuditRecord is one record of the audit log. It never contains a token, a password or a
// hash. An empty field is unknown or does not apply.
type AuditRecord struct {
	ID        string // UUID
	At        time.Time
	Event     AuditEvent
	Outcome   string // a reason in one word, or "ok"
	UserID    string // the user that the event is about
	ActorID   string // the user who caused it, if another user
	SessionID string
	ClientID  string
	KeyID     string // kid
	RequestID string
	Address   string
	Agent     string
}

// Members yields the names and values of the fields other than time, event and outcome, as
// the log and the commands write them. It omits empty fields.
func (a AuditRecord) Members() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, m := range [][2]string{
			{"user", a.UserID},
			{"actor", a.ActorID},
			{"session", a.SessionID},
			{"client", a.ClientID},
			{"key", a.KeyID},
			{"request", a.RequestID},
			{"address", a.Address},
			{"agent", a.Agent},
		} {
			if m[1] != "" && !yield(m[0], m[1]) {
				return
			}
		}
	}
}

// Audits keeps the audit log.
type Audits interface {
	// AppendAudit adds a record. It reports false and changes nothing if a record with
	// that ID exists.
	AppendAudit(ctx context.Context, a AuditRecord) (added bool, err error)

	// ListAudit returns the newest records that match a query, newest first.
	ListAudit(ctx context.Context, q AuditQuery) ([]AuditRecord, error)

	// PurgeAudit deletes at most limit records from before a time and returns their
	// number.
	PurgeAudit(ctx context.Context, before time.Time, limit int) (int, error)
}

// AuditQuery selects audit records. An empty field does not restrict the selection.
type AuditQuery struct {
	UserID  string // the user that the event is about
	ActorID string // the user who caused it, if another user
	Event   AuditEvent
	Since   time.Time   // no earlier than this
	Until   time.Time   // earlier than this
	After   AuditRecord // the last record of the previous page; only At and ID are used
	Limit   int
}

// Frequent reports whether most records have the event. The stores find the records of the other events
// by an index, which costs a login nothing.
func (e AuditEvent) Frequent() bool {
	return e == AuditLogin || e == AuditLoginFailed || e == AuditSessionEnded
}
