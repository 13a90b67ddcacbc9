package audit

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/repository"
	"latchkey/service"
)

// Origin describes the source of a request, for the audit log and the list of sessions. The client
// can forge its fields, so no decision depends on them.
type Origin struct {
	RequestID string
	Address   string
	Agent     string // at most 64 bytes; see DescribeAgent
}

// Record returns the record of an event. The caller adds the user and session concerned.
func (o Origin) Record(now time.Time, event repository.AuditEvent, outcome string) repository.AuditRecord {
	return repository.AuditRecord{
		ID: service.NewID(), At: now, Event: event, Outcome: outcome,
		RequestID: o.RequestID, Address: o.Address, Agent: o.Agent,
	}
}

// OnceAMinute derives the ID of a record from its subject, event, outcome and minute. All replicas
// therefore give the same ID to records of the same event.
func OnceAMinute(a repository.AuditRecord, about string) repository.AuditRecord {
	name := strings.Join([]string{about, string(a.Event), a.Outcome, a.At.UTC().Truncate(time.Minute).Format(time.RFC3339)}, "\n")
	a.ID = uuid.NewHash(sha256.New(), uuid.Nil, []byte(name), 8).String() // RFC 9562 5.8
	return a
}

// Operator returns the origin of a change that an operator makes by a command or a file.
func Operator() Origin { return Origin{Agent: "latchkey command"} }
