package audit

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/repository"
	"latchkey/service"
)

// Origin is where a request came from, for the audit log and the list of
// devices. Its members are what the client says or seems to be, and decide
// nothing.
type Origin struct {
	RequestID string
	Address   string
	Agent     string // at most 64 bytes; see DescribeAgent
}

// Record returns a record of something that happened at a time, without whom it concerns.
func (o Origin) Record(now time.Time, event repository.AuditEvent, outcome string) repository.AuditRecord {
	return repository.AuditRecord{
		ID: service.NewID(), At: now, Event: event, Outcome: outcome,
		RequestID: o.RequestID, Address: o.Address, Agent: o.Agent,
	}
}

// OnceAMinute gives a record an ID by what it is about, its event, its outcome and its
// minute, so that every replica's record of the same is one.
func OnceAMinute(a repository.AuditRecord, about string) repository.AuditRecord {
	name := strings.Join([]string{about, string(a.Event), a.Outcome, a.At.UTC().Truncate(time.Minute).Format(time.RFC3339)}, "\n")
	a.ID = uuid.NewHash(sha256.New(), uuid.Nil, []byte(name), 8).String() // RFC 9562 5.8
	return a
}

// Operator returns the origin of a change that an operator makes with a command or a file.
func Operator() Origin { return Origin{Agent: "latchkey command"} }
