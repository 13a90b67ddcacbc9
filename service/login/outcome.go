package login

import (
	"errors"

	"latchkey/internal/tally"
	"latchkey/service"
)

// Counts returns the number of logins of this process by outcome.
func (l *Service) Counts() map[Outcome]int64 { return l.counts.Read() }

// Outcome is the end of a login, as the log and the audit log name it.
type Outcome string

// The outcomes of logins. Overloaded means that the queue of the hasher was full, and failed that a
// store or the service failed.
const (
	Succeeded     Outcome = "success"
	UnknownUser   Outcome = "unknown_user"
	WrongPassword Outcome = "wrong_password"
	Disabled      Outcome = "disabled"
	Unverified    Outcome = "unverified" // the password was right
	Throttled     Outcome = "throttled"
	Overloaded    Outcome = "overloaded"
	Failed        Outcome = "failed"
)

func newTally() tally.Tally[Outcome] {
	return tally.New(Succeeded, UnknownUser, WrongPassword, Disabled, Unverified, Throttled, Overloaded, Failed)
}

// refusal ends a login with an answer for the client.
type refusal struct {
	outcome  Outcome
	answer   error
	recorded bool // in the audit log
}

// Error returns the text of the answer.
func (r *refusal) Error() string { return r.answer.Error() }

// Unwrap returns the answer.
func (r *refusal) Unwrap() error { return r.answer }

// outcomeOf returns the outcome of a login that ended with an error, or with nil.
func outcomeOf(err error) Outcome {
	var r *refusal
	switch {
	case err == nil:
		return Succeeded
	case errors.As(err, &r):
		return r.outcome
	case service.AsError(err).Code == service.CodeOverloaded:
		return Overloaded
	}
	return Failed
}
