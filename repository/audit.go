package repository

import (
	"context"
	"iter"
	"time"
)

// AuditEvent names what happened. The values are part of the API.
type AuditEvent string

// The events that are recorded.
const (
	AuditUserCreated    AuditEvent = "user_created"
	AuditLogin          AuditEvent = "login"
	AuditLoginFailed    AuditEvent = "login_failed"
	AuditSessionEnded   AuditEvent = "session_ended"
	AuditSessionsEnded  AuditEvent = "sessions_ended" // all of a user but one, or everyone's
	AuditPasswordChange AuditEvent = "password_changed"
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
	AuditCodeIssued     AuditEvent = "code_issued"  // a user signed in for an application
	AuditCodeRefused    AuditEvent = "code_refused" // and is used up
	AuditTokenIssued    AuditEvent = "token_issued" // by an administrator, for somebody else
	AuditPurged         AuditEvent = "audit_purged" // by an operator: what was before a time is gone
)

// AuditEvents lists all of them.
func AuditEvents() []AuditEvent {
	return []AuditEvent{
		AuditUserCreated,
		AuditLogin,
		AuditLoginFailed,
		AuditSessionEnded,
		AuditSessionsEnded,
		AuditPasswordChange,
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

// AuditRecord is one line of the audit log. It never holds a token, a password
// or a hash. Empty members are unknown or do not apply.
type AuditRecord struct {
	ID        string // UUID
	At        time.Time
	Event     AuditEvent
	Outcome   string // a reason in one word, or "ok"
	UserID    string // whom it is about
	ActorID   string // who did it, where that is somebody else
	SessionID string
	ClientID  string
	KeyID     string // kid
	RequestID string
	Address   string
	Agent     string
}

// Members are the names, as the log and the commands write them, and values of what
// a record has beyond its time, event and outcome. What is empty is left out.
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
	// AppendAudit adds one record. It reports false, and changes nothing, where there
	// is one of that ID already.
	AppendAudit(ctx context.Context, a AuditRecord) (added bool, err error)

	// ListAudit returns the newest records that a query asks for, newest first.
	ListAudit(ctx context.Context, q AuditQuery) ([]AuditRecord, error)

	// PurgeAudit deletes at most limit records from before a time, and returns how
	// many.
	PurgeAudit(ctx context.Context, before time.Time, limit int) (int, error)
}

// AuditQuery asks for records. Empty members ask for nothing in particular.
type AuditQuery struct {
	UserID string // whom it is about
	Event  AuditEvent
	Since  time.Time   // and no earlier
	After  AuditRecord // the last of the page before; its At and ID count
	Limit  int
}
