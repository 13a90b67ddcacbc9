package repository

import (
	"time"
)

// Refresh defines Sessions.RefreshSession as a pure function: it returns the session after a
// refresh request, and the outcome. SQLite calls it in a transaction. Redis implements it in
// Lua, and the conformance suite compares the two.
//
// The order of the cases matters. A revoked or expired session is refused before the client
// is checked, so that no session is revoked twice. A token from the wrong client or by the
// wrong delivery changes nothing; otherwise any client could revoke the session of another.
func (s Session) Refresh(p RefreshRequest) (Session, Outcome) {
	switch {
	case s.Ended == EndReuse && s.EndOperationID == p.OperationID:
		return s, OutcomeReuse // a retry of the same call
	case s.Ended != "", s.Epoch != p.Epoch && !p.ExceptSession:
		return s, OutcomeRevoked
	case s.ClientID != p.ClientID:
		return s, OutcomeClientMismatch
	case !s.Delivery.accepts(p.Delivery):
		return s, OutcomeDeliveryMismatch
	case !p.Now.Before(s.IdleAt), !p.Now.Before(s.AbsoluteAt):
		return s, OutcomeExpired
	}
	if done := s.repeated(p); done != "" {
		return s, done
	}
	switch {
	case p.Gen == s.Gen && p.JTI == s.JTI:
		return s.live(p)
	case s.fromFuture(p):
		return s, OutcomeLate
	case s.isPrevious(p):
		return s.previous(p)
	case p.Gen > s.Gen+MaxAhead:
		return s, OutcomeUnknown // signed by this service, but impossible
	case p.Gen > s.Gen:
		return s.ahead(p)
	}
	return s.reuse(p)
}

// repeated returns the outcome of the first call if p is a retry of the call that changed the
// generation, otherwise "". Any other call may simply run again.
func (s Session) repeated(p RefreshRequest) Outcome {
	switch {
	case s.OperationID != p.OperationID:
		return ""
	case p.Gen == s.Gen && p.JTI == s.JTI:
		return OutcomeRolledForward // only this outcome leaves the presented token live
	case !s.isPrevious(p):
		return ""
	case s.Gen > s.PrevGen+1:
		return OutcomeRecovered // only this outcome skips a generation
	case p.Proof != nil:
		return OutcomeRolledForward
	}
	return OutcomeRotated
}

// live handles the live token.
func (s Session) live(p RefreshRequest) (Session, Outcome) {
	s = s.used(p)
	// Generation 0 rotates immediately, so that the first use of the token of the login
	// supersedes it.
	recent := s.Gen > 0 && s.age(p) < p.Debounce && !s.fromFuture(p)
	if p.Keep || !p.Rotate || recent {
		s.Seen = true
		return s, OutcomeKept
	}
	if s.fromFuture(p) {
		s.RotatedAt = time.Time{} // otherwise the live token would not age
	}
	s.PrevGen, s.PrevJTI = s.Gen, s.JTI
	return s.next(p, p.Next), OutcomeRotated
}

// previous handles the predecessor of the live token: the client has not received the
// response yet, or the response was lost.
func (s Session) previous(p RefreshRequest) (Session, Outcome) {
	graced := s.age(p) < p.Grace
	if !graced && !s.recoverable(p) {
		return s.reuse(p)
	}
	if graced || p.Keep {
		if s.Graced >= MaxGraced {
			return s, OutcomeGraceExhausted
		}
		s = s.used(p)
		s.Graced++
		return s, OutcomeReplayed
	}
	if p.Woken || s.Graced > 0 && s.skewed(p) {
		// The request may be older than a replay that has already sent the live token to
		// the client. Replacing the live token would invalidate the client's token.
		return s, OutcomeLate
	}
	if !s.answered(p) {
		return s, OutcomeRecoverable
	}
	s = s.used(p)
	if s.counts(p) {
		if s.windowOver(p) {
			s.Recoveries, s.RecoveryAt = 0, p.Now
		}
		s.Recoveries++
	}
	return s.next(p, p.Proof.Next), OutcomeRecovered // the predecessor does not change
}

// recoverable reports whether the successor of the presented token may be replaced: it is
// unused, and the budget of recoveries is not exhausted.
func (s Session) recoverable(p RefreshRequest) bool {
	return s.age(p) < p.Recovery && !s.Seen && (!s.counts(p) ||
		s.Recoveries < MaxRecoveries || s.windowOver(p))
}

// windowOver reports whether the window of the recoveries is over. A window that starts far in
// the future was written by a wrong clock and counts as over.
func (s Session) windowOver(p RefreshRequest) bool {
	return p.Now.Sub(s.RecoveryAt).Abs() >= RecoveryWindow
}

// counts reports whether a recovery counts against the budget. A recovery within debounce does
// not: it is a prompt retry, seen by a replica whose clock differs by grace.
func (s Session) counts(p RefreshRequest) bool { return s.age(p) >= p.Debounce }

// ahead handles a token of a generation that the store does not know. If the chain leads from
// the live token to it, the store has lost writes in a failover, and the session continues
// from that token.
func (s Session) ahead(p RefreshRequest) (Session, Outcome) {
	switch {
	case !s.answered(p):
		return s, OutcomeAhead
	case p.Proof.Before == "":
		return s.reuse(p)
	}
	s.Gen, s.JTI = p.Gen, p.JTI
	s.PrevGen, s.PrevJTI = p.Gen-1, p.Proof.Before
	s.RotatedAt, s.OperationID = later(s.RotatedAt, earlier(p.IssuedAt, p.Now)), p.OperationID
	s.Seen, s.Graced = false, 0
	s, _ = s.live(p)
	return s, OutcomeRolledForward
}

// reuse handles a superseded token: the user or an attacker has a newer one, so the session is
// revoked. A request that is, or may be, older than the last rotation revokes nothing. If an
// attacker sent it, the attacker's next request is detected.
func (s Session) reuse(p RefreshRequest) (Session, Outcome) {
	if p.Now.Before(s.RotatedAt) || p.Woken || s.isPrevious(p) && s.skewed(p) {
		return s, OutcomeLate
	}
	return s.Tombstone(EndReuse, p.Now, p.OperationID), OutcomeReuse
}

// next makes id the ID of the live token.
func (s Session) next(p RefreshRequest, id TokenID) Session {
	s.Gen, s.JTI = s.Gen+1, id
	s.RotatedAt, s.OperationID = later(s.RotatedAt, p.Now), p.OperationID
	s.Seen, s.Graced = false, 0
	return s
}

// used records an accepted request.
func (s Session) used(p RefreshRequest) Session {
	s.UsedAt = later(s.UsedAt, p.Now)
	if p.Sliding {
		s.IdleAt = later(s.IdleAt, earlier(p.Now.Add(p.IdleTTL), s.AbsoluteAt))
	}
	return s
}

// age returns the time since the last rotation. It is 0 if the clock has gone back.
func (s Session) age(p RefreshRequest) time.Duration {
	return max(0, p.Now.Sub(s.RotatedAt))
}

// skewed reports whether the predecessor may still be within grace by the clock of another
// replica. Each clock may be wrong by ClockLimit.
func (s Session) skewed(p RefreshRequest) bool {
	return p.Grace > 0 && s.age(p) < p.Grace+2*p.ClockLimit
}

// fromFuture reports whether a wrong clock has written RotatedAt.
func (s Session) fromFuture(p RefreshRequest) bool { return s.RotatedAt.Sub(p.Now) > MaxRotatedAhead }

func (s Session) isPrevious(p RefreshRequest) bool {
	return s.PrevJTI != "" && p.Gen == s.PrevGen && p.JTI == s.PrevJTI
}

// answered reports whether the request has a proof for the current live token.
func (s Session) answered(p RefreshRequest) bool {
	return p.Proof != nil && p.Proof.Gen == s.Gen && p.Proof.JTI == s.JTI
}

// Result returns the result for an outcome.
func (s Session) Result(o Outcome) RefreshResult {
	switch {
	case o == OutcomeRevoked:
		return RefreshResult{Outcome: o, Ended: s.Ended}
	case o.Question():
		return RefreshResult{Outcome: o, Gen: s.Gen, JTI: s.JTI, RotatedAt: s.RotatedAt}
	case !o.Accepted():
		return RefreshResult{Outcome: o}
	}
	return RefreshResult{
		Outcome: o, Gen: s.Gen, JTI: s.JTI, RotatedAt: s.RotatedAt,
		IdleAt: s.IdleAt, AbsoluteAt: s.AbsoluteAt,
		AuthTime: s.AuthTime, AMR: s.AMR, Scope: s.Scope,
	}
}

// Live reports whether a session can be refreshed, given the user's epoch and kept session.
func (s Session) Live(now time.Time, epoch int64, kept string) bool {
	return s.Ended == "" && now.Before(s.IdleAt) && now.Before(s.AbsoluteAt) && (s.Epoch == epoch || s.ID == kept)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Outcome is the result of a refresh request. The values are part of the API: they appear in
// logs, metrics and audit records.
type Outcome string

// Accepted outcomes.
const (
	OutcomeRotated       Outcome = "rotated"        // the live token; its successor replaces it
	OutcomeKept          Outcome = "kept"           // the live token; it stays live
	OutcomeReplayed      Outcome = "replayed"       // its predecessor, within grace: the live token is returned again
	OutcomeRecovered     Outcome = "recovered"      // its predecessor, whose successor was lost: a new token
	OutcomeRolledForward Outcome = "rolled_forward" // a token that the store has lost: it is accepted as live
)

// Refused outcomes.
const (
	OutcomeUnknown          Outcome = "unknown"           // no such session
	OutcomeRevoked          Outcome = "revoked"           // revoked before
	OutcomeExpired          Outcome = "expired"           // idle or absolute expiry
	OutcomeClientMismatch   Outcome = "client_mismatch"   // the session belongs to another client
	OutcomeDeliveryMismatch Outcome = "delivery_mismatch" // a token of a cookie arrived in another way
	OutcomeGraceExhausted   Outcome = "grace_exhausted"   // replayed too often; retry later
	OutcomeLate             Outcome = "late"              // would be reuse or recovered, but the call may have been delayed
	OutcomeReuse            Outcome = "reuse"             // a superseded token: the session is revoked
)

// Questions: the store cannot compute the chain of token IDs. The caller does so and repeats
// the request with a Proof.
const (
	OutcomeAhead       Outcome = "ahead"       // does the chain lead from the live token to the presented one?
	OutcomeRecoverable Outcome = "recoverable" // which ID follows the live token?
)

// Outcomes returns all outcomes except the questions.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeRotated, OutcomeKept, OutcomeReplayed, OutcomeRecovered, OutcomeRolledForward,
		OutcomeUnknown, OutcomeRevoked, OutcomeExpired,
		OutcomeClientMismatch, OutcomeDeliveryMismatch, OutcomeGraceExhausted, OutcomeLate, OutcomeReuse,
	}
}

// Accepted reports whether the client receives tokens.
func (o Outcome) Accepted() bool {
	switch o {
	case OutcomeRotated, OutcomeKept, OutcomeReplayed, OutcomeRecovered, OutcomeRolledForward:
		return true
	case OutcomeUnknown, OutcomeRevoked, OutcomeExpired, OutcomeClientMismatch, OutcomeDeliveryMismatch,
		OutcomeGraceExhausted, OutcomeLate, OutcomeReuse, OutcomeAhead, OutcomeRecoverable:
	}
	return false
}

// Question reports whether the caller must repeat the request with a Proof.
func (o Outcome) Question() bool { return o == OutcomeAhead || o == OutcomeRecoverable }
