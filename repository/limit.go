package repository

import (
	"context"
	"math"
	"math/bits"
	"time"
)

// LimitRule is how failures that share a key are slowed down: the first Free of
// them cost nothing, the next one Base, and each after that double, up to Max.
// They are forgotten one by one, Free of them in Forget.
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

// SameAttempt is how long the same attempt again counts as one, once: some clients
// send each failing request twice.
const SameAttempt = 2 * time.Second

// Attempt is one try, and all that it counts against. The first key is the
// narrowest: a success clears it, and the repetition of an attempt is told by it.
type Attempt struct {
	Keys        []LimitKey
	Fingerprint string    // of what was tried; empty: it cannot be repeated
	Now         time.Time // when it began, in whole milliseconds
}

// Begun is the answer to an attempt.
type Begun struct {
	Wait  time.Duration // until the last of the delays is over; 0: go on
	First bool          // nobody else was told of this delay yet
	// Repeat is the same attempt that has just failed: it goes on, and was not
	// counted. The next one is.
	Repeat bool
}

// AttemptEnd is how an attempt ended.
type AttemptEnd string

// The ends of attempts. Undone is one that was never judged.
const (
	AttemptFailed    AttemptEnd = "failed"
	AttemptUndone    AttemptEnd = "undone"
	AttemptSucceeded AttemptEnd = "succeeded"
)

// Limits slows down those who fail. A store MUST decide an attempt on all of its
// keys in one step, so that parallel attempts cannot pass together, and MUST keep
// to the meaning of LimitState.
type Limits interface {
	// BeginAttempt counts an attempt against each key, as if it had failed
	// already, unless one of them is in a delay: then it counts nothing, and
	// says for how long.
	BeginAttempt(ctx context.Context, a Attempt) (Begun, error)

	// EndAttempt says how an attempt that was counted has ended, and when. A
	// failure stays counted, unless the same one failed within SameAttempt and was not
	// repeated yet. Else it is taken back; success forgets the first key, and no other.
	EndAttempt(ctx context.Context, a Attempt, end AttemptEnd, at time.Time) error

	// PurgeLimits forgets at most limit keys that have nothing to remember, and
	// returns how many; a store that forgets by itself returns 0.
	PurgeLimits(ctx context.Context, before time.Time, limit int) (int, error)
}

// LimitState is what is remembered of a key. Its methods are the meaning of
// Limits; the Lua scripts say the same.
type LimitState struct {
	Failures float64   // what is left of them
	Last     time.Time // when the last one was counted
	Before   time.Time // when the one before it was
	Until    time.Time // of the delay
	Told     bool      // of this delay
	Failed   string    // the fingerprint of the last one that ended as failed
	FailedAt time.Time // when it did
}

// delay is what a rule asks for after so many failures.
func (r LimitRule) delay(failures float64) time.Duration {
	n := int(math.Ceil(failures))
	if n < r.Free || r.Free == 0 {
		return 0
	}
	steps := n - r.Free
	if steps >= bits.LeadingZeros64(uint64(r.Base))-1 { //nolint:gosec // a duration above zero
		return r.Max
	}
	return min(r.Base<<steps, r.Max)
}

// Most is how many failures are remembered at most: as many as bring the longest
// delay, so that the way back is no longer than it has to be.
func (r LimitRule) Most() int {
	n := r.Free
	for d := r.Base; d < r.Max && d > 0; d <<= 1 {
		n++
	}
	return n
}

// Wait is how long an attempt has to wait.
func (s LimitState) Wait(now time.Time) time.Duration { return max(0, s.Until.Sub(now)) }

// Repeats reports whether an attempt, at a time, is the one that failed last.
func (s LimitState) Repeats(a Attempt, at time.Time) bool {
	return a.Fingerprint != "" && s.Failed == a.Fingerprint && at.Sub(s.FailedAt).Abs() < SameAttempt
}

// Repeated is the state once the attempt that failed last was repeated: only one
// repetition is free.
func (s LimitState) Repeated() LimitState {
	s.Failed = ""
	return s
}

// Settle takes off what a clock ahead of this one has written: no delay is longer
// than its rule, whatever the clocks did. It reports whether the delay changed.
func (s LimitState) Settle(r LimitRule, now time.Time) (settled LimitState, changed bool) {
	if s.Last.After(now) {
		s.Last = now
	}
	if longest := now.Add(r.Max); s.Until.After(longest) {
		s.Until, changed = longest, true
	}
	return s, changed
}

// Count adds a failure to what is left of those before.
func (s LimitState) Count(r LimitRule, a Attempt) LimitState {
	leaked := float64(a.Now.Sub(s.Last).Milliseconds()) / float64(r.Forget.Milliseconds()) * float64(r.Free)
	if a.Now.Sub(s.Last) >= r.Forget {
		leaked = s.Failures
	}
	s.Failures = min(max(0, s.Failures-leaked), float64(r.Most())) + 1
	s.Before, s.Last, s.Until, s.Told = s.Last, a.Now, r.until(a.Now, s.Failures), false
	return s
}

// until is when the delay of some failures ends, the last of which was at a time; zero
// without a delay, so that an attempt whose clock is a little behind does not wait.
func (r LimitRule) until(last time.Time, failures float64) time.Time {
	if d := r.delay(failures); d > 0 {
		return last.Add(d)
	}
	return time.Time{}
}

// TakeBack takes away what an attempt has counted, with the delay that it
// brought. An empty state can be forgotten.
func (s LimitState) TakeBack(r LimitRule, a Attempt) LimitState {
	s.Failures = max(0, s.Failures-1)
	until := r.until(s.Last, s.Failures)
	if s.Last.Equal(a.Now) {
		// It was let in, so no delay of before can be left.
		s.Last, until = s.Before, time.Time{}
	}
	if until.Before(s.Until) {
		s.Until = until
	}
	return s
}

// Fail remembers an attempt that failed, at a time.
func (s LimitState) Fail(a Attempt, at time.Time) LimitState {
	s.Failed, s.FailedAt = a.Fingerprint, at
	return s
}

// Empty reports whether there is nothing to remember.
func (s LimitState) Empty() bool { return s.Failures == 0 }
