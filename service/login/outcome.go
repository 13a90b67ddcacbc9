package login

import (
	"latchkey/internal/tally"
)

// Counts returns how often log-ins of this process had each outcome.
func (l *Service) Counts() map[Outcome]int64 { return l.counts.Read() }

// Outcome is how a log-in ended, as the log and the audit table name it.
type Outcome string

// The outcomes of log-ins. Overloaded had no turn; failed is trouble of ours.
const (
	Succeeded     Outcome = "success"
	UnknownUser   Outcome = "unknown_user"
	WrongPassword Outcome = "wrong_password"
	Disabled      Outcome = "disabled"
	Throttled     Outcome = "throttled"
	Overloaded    Outcome = "overloaded"
	Failed        Outcome = "failed"
)

func newTally() tally.Tally[Outcome] {
	return tally.New(Succeeded, UnknownUser, WrongPassword, Disabled, Throttled, Overloaded, Failed)
}
