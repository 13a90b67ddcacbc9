package repository

import (
	"context"
	"math/bits"
	"time"
)

// LimitRule is how failures that share a key are slowed down: the first Free of
// them cost nothing, the next one Base, and each after that double, up to Max.
// After Forget without a failure it begins anew.
type LimitRule struct {
	Free   int
	Base   time.Duration
	Max    time.Duration
	Forget time.Duration
}

// LimitKey is one thing that failures are counted by, and its rule.
type LimitKey struct {
	Name string // at most 64 characters of A-Z a-z 0-9 : . _ -
	Rule LimitRule
}

// SameAttempt is how long the same attempt again counts as one: some clients
// send each failing request twice.
const SameAttempt = 2 * time.Second

// Attempt is one try, and all that it counts against. The first key is the
// narrowest: a success clears it, and the repetition of an attempt is told by it.
type Attempt struct {
	Keys        []LimitKey
	Fingerprint string // of what was tried; empty: it cannot be repeated
	Now         time.Time
}

// Waiting is the answer to an attempt that comes during a delay.
type Waiting struct {
	For   time.Duration // until the last of the delays is over; 0: go on
	First bool          // nobody else was told of this delay yet
}

// Limits slows down those who fail. A store MUST decide an attempt on all of its
// keys in one step, so that parallel attempts cannot pass together, and MUST keep
// to the meaning of LimitState.
type Limits interface {
	// BeginAttempt counts an attempt against each key, as if it had failed
	// already, unless one of them is in a delay: then it counts nothing, and
	// says for how long. An attempt with the fingerprint of the last one that
	// the first key counted, within SameAttempt, goes on and counts nothing.
	BeginAttempt(ctx context.Context, a Attempt) (Waiting, error)

	// EndAttempt takes back what BeginAttempt counted, since the attempt did not
	// fail. With success the first key is forgotten; no other is.
	EndAttempt(ctx context.Context, a Attempt, success bool) error

	// PurgeLimits forgets at most limit keys that have nothing to remember, and
	// returns how many; a store that forgets by itself returns 0.
	PurgeLimits(ctx context.Context, before time.Time, limit int) (int, error)
}

// LimitState is what is remembered of a key. Its methods are the meaning of
// Limits; the Lua scripts say the same.
type LimitState struct {
	Failures    int
	Last        time.Time // of the last failure
	Until       time.Time // of the delay
	Told        bool      // of this delay
	Fingerprint string    // of the last attempt
}

// delay is what a rule asks for after so many failures.
func (r LimitRule) delay(failures int) time.Duration {
	if failures < r.Free || r.Free == 0 {
		return 0
	}
	steps := failures - r.Free
	if steps >= bits.LeadingZeros64(uint64(r.Base))-1 { //nolint:gosec // a duration above zero
		return r.Max
	}
	return min(r.Base<<steps, r.Max)
}

// Wait is how long an attempt has to wait.
func (s LimitState) Wait(now time.Time) time.Duration { return max(0, s.Until.Sub(now)) }

// Repeats reports whether an attempt is the last one again.
func (s LimitState) Repeats(a Attempt) bool {
	return a.Fingerprint != "" && s.Fingerprint == a.Fingerprint && a.Now.Sub(s.Last) < SameAttempt
}

// Count adds a failure.
func (s LimitState) Count(r LimitRule, a Attempt) LimitState {
	if a.Now.Sub(s.Last) >= r.Forget {
		s.Failures = 0
	}
	s.Failures++
	s.Last, s.Until, s.Told, s.Fingerprint = a.Now, a.Now.Add(r.delay(s.Failures)), false, a.Fingerprint
	return s
}

// TakeBack takes a failure away, with the delay that it brought.
func (s LimitState) TakeBack(r LimitRule) LimitState {
	s.Failures = max(0, s.Failures-1)
	s.Fingerprint = ""
	if until := s.Last.Add(r.delay(s.Failures)); until.Before(s.Until) {
		s.Until = until
	}
	return s
}
