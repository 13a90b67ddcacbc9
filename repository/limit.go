package repository

import (
	"context"
	"math"
	"math/bits"
	"time"
)

// LimitRule is how attempts that share a key are delayed. The first Free failures cause no
// delay, the next one a delay of Base, and each further one twice the previous delay, up to
// Max. Failures decay continuously: Free of them in the time Forget.
type LimitRule struct {
	Free   int
	Base   time.Duration
	Max    time.Duration
	Forget time.Duration
}

// LimitKey is a key that failures are counted by, and its rule.
type LimitKey struct {
	Name string // at most 64 characters of A-Z a-z 0-9 : . _ -
	Rule LimitRule
}

// SameAttempt is the time within which one repetition of a failed attempt is not counted,
// because some clients send each failing request twice.
const SameAttempt = 2 * time.Second

// Attempt is an attempt and the keys that it counts against. The first key is the narrowest:
// a success clears it, and it detects the repetition of an attempt.
type Attempt struct {
	Keys        []LimitKey
	Fingerprint string    // identifies a repetition; empty: every attempt is new
	Now         time.Time // start of the attempt, in whole milliseconds
}

// Begun is the result of BeginAttempt.
type Begun struct {
	Wait  time.Duration // time until the last delay ends; 0: the attempt may continue
	First bool          // this delay has not been reported to a caller before
	// Repeat reports the first repetition of the attempt that has just failed. It may
	// continue and is not counted.
	Repeat bool
}

// AttemptEnd is the result of an attempt.
type AttemptEnd string

// The results of attempts. An undone attempt was neither a success nor a failure.
const (
	AttemptFailed    AttemptEnd = "failed"
	AttemptUndone    AttemptEnd = "undone"
	AttemptSucceeded AttemptEnd = "succeeded"
)

// Limits delays clients after failed attempts. A store MUST decide an attempt on all of its
// keys in one step, so that parallel attempts cannot pass together, and MUST implement
// LimitState.
type Limits interface {
	// BeginAttempt counts an attempt against each key, as if it had failed already. If a
	// key is delayed, it counts nothing and returns the remaining delay.
	BeginAttempt(ctx context.Context, a Attempt) (Begun, error)

	// EndAttempt records the result of an attempt that was counted. A failure stays
	// counted unless it is the first repetition of a failure within SameAttempt. Any
	// other attempt is no longer counted, and a success clears the first key only.
	EndAttempt(ctx context.Context, a Attempt, end AttemptEnd, at time.Time) error

	// PurgeLimits deletes at most limit keys that have expired and returns their number.
	// A store that expires keys by itself returns 0.
	PurgeLimits(ctx context.Context, before time.Time, limit int) (int, error)
}

// LimitState is the state of a key. Its methods define Limits; the Lua scripts implement the
// same rules.
type LimitState struct {
	Failures float64   // remaining after decay
	Last     time.Time // time of the last counted failure
	Before   time.Time // time of the failure before it
	Until    time.Time // end of the delay
	Told     bool      // this delay has been reported to a caller
	Failed   string    // fingerprint of the last failed attempt
	FailedAt time.Time // end of that attempt
}

// delay returns the delay after a number of failures.
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

// Most returns the largest number of failures that is remembered: the number that causes the
// longest delay. More would only prolong the decay.
func (r LimitRule) Most() int {
	n := r.Free
	for d := r.Base; d < r.Max && d > 0; d <<= 1 {
		n++
	}
	return n
}

// Wait returns the remaining delay.
func (s LimitState) Wait(now time.Time) time.Duration { return max(0, s.Until.Sub(now)) }

// Repeats reports whether an attempt is a repetition of the last failed one.
func (s LimitState) Repeats(a Attempt, at time.Time) bool {
	return a.Fingerprint != "" && s.Failed == a.Fingerprint && at.Sub(s.FailedAt).Abs() < SameAttempt
}

// Repeated returns the state after a repetition of the last failed attempt. The next
// repetition is counted.
func (s LimitState) Repeated() LimitState {
	s.Failed = ""
	return s
}

// Settle corrects times that a clock ahead of this one has written, so that no delay exceeds
// its rule. It reports whether the delay changed.
func (s LimitState) Settle(r LimitRule, now time.Time) (settled LimitState, changed bool) {
	if s.Last.After(now) {
		s.Last = now
	}
	if longest := now.Add(r.Max); s.Until.After(longest) {
		s.Until, changed = longest, true
	}
	return s, changed
}

// Count adds a failure to those that remain after decay.
func (s LimitState) Count(r LimitRule, a Attempt) LimitState {
	leaked := float64(a.Now.Sub(s.Last).Milliseconds()) / float64(r.Forget.Milliseconds()) * float64(r.Free)
	if a.Now.Sub(s.Last) >= r.Forget {
		leaked = s.Failures
	}
	s.Failures = min(max(0, s.Failures-leaked), float64(r.Most())) + 1
	s.Before, s.Last, s.Until, s.Told = s.Last, a.Now, r.until(a.Now, s.Failures), false
	return s
}

// until returns the end of the delay after failures, the last of which was at last. It is
// zero without a delay, so that an attempt whose clock is slightly behind does not wait.
func (r LimitRule) until(last time.Time, failures float64) time.Time {
	if d := r.delay(failures); d > 0 {
		return last.Add(d)
	}
	return time.Time{}
}

// TakeBack removes the failure that an attempt has counted, and the delay that it caused. A
// key with an empty state can be deleted.
func (s LimitState) TakeBack(r LimitRule, a Attempt) LimitState {
	s.Failures = max(0, s.Failures-1)
	until := r.until(s.Last, s.Failures)
	if s.Last.Equal(a.Now) {
		// The attempt was allowed, so no earlier delay remains.
		s.Last, until = s.Before, time.Time{}
	}
	if until.Before(s.Until) {
		s.Until = until
	}
	return s
}

// Fail records that an attempt failed.
func (s LimitState) Fail(a Attempt, at time.Time) LimitState {
	s.Failed, s.FailedAt = a.Fingerprint, at
	return s
}

// Empty reports whether no failure remains.
func (s LimitState) Empty() bool { return s.Failures == 0 }
