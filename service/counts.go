package service

import (
	"sync/atomic"

	"latchkey/repository"
)

// tally counts by a label out of a fixed set. The map is never written after it
// was made.
type tally[K comparable] map[K]*atomic.Int64

func newTally[K comparable](labels ...K) tally[K] {
	t := tally[K]{}
	for _, label := range labels {
		t[label] = new(atomic.Int64)
	}
	return t
}

func (t tally[K]) add(label K) {
	if n := t[label]; n != nil {
		n.Add(1)
	}
}

func (t tally[K]) read() map[K]int64 {
	m := make(map[K]int64, len(t))
	for label, n := range t {
		m[label] = n.Load()
	}
	return m
}

// Counts returns how often refreshes of this process had each outcome.
func (s *Sessions) Counts() map[repository.Outcome]int64 { return s.counts.read() }

// Counts returns how often log-ins of this process had each outcome.
func (l *Login) Counts() map[LoginOutcome]int64 { return l.counts.read() }

// LoginOutcome is how a log-in ended, as the log and the audit table name it.
type LoginOutcome string

// The outcomes of log-ins. Overloaded had no turn; failed is trouble of ours.
const (
	LoginSucceeded  LoginOutcome = "success"
	LoginUnknown    LoginOutcome = "unknown_user"
	LoginWrong      LoginOutcome = "wrong_password"
	LoginDisabled   LoginOutcome = "disabled"
	LoginThrottled  LoginOutcome = "throttled"
	LoginOverloaded LoginOutcome = "overloaded"
	LoginFailed     LoginOutcome = "failed"
)

func newLoginTally() tally[LoginOutcome] {
	return newTally(LoginSucceeded, LoginUnknown, LoginWrong, LoginDisabled, LoginThrottled, LoginOverloaded, LoginFailed)
}
