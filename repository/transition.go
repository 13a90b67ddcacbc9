package repository

import "time"

// Present is the meaning of Sessions.PresentSession as a pure function: what
// becomes of a token presented to session s, and the session after it. SQLite
// runs it inside its transaction, Redis has it once more in Lua, and the
// conformance suite compares the two.
//
// The order of the cases matters: what is over is refused before it is asked
// who presents it, so that nothing can end a session twice; and a token that
// is presented by the wrong client or on the wrong way changes nothing, else
// any client could end another's session.
func (s Session) Present(p Presentation) (Session, Outcome) {
	switch {
	case s.Ended == EndReuse && s.EndOp == p.Op:
		return s, OutcomeReuse // the same call, repeated
	case s.Ended != "", s.Epoch != p.Epoch && !p.Kept:
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
		return s, OutcomeUnknown // only we can have signed it
	case p.Gen > s.Gen:
		return s.ahead(p)
	}
	return s.reuse(p)
}

// repeated returns the outcome that the same call had before, if it changed the
// generation; what else a call does, it may do again.
func (s Session) repeated(p Presentation) Outcome {
	switch {
	case s.Op != p.Op:
		return ""
	case p.Gen == s.Gen && p.JTI == s.JTI:
		return OutcomeRolledForward // no other call leaves its own token live
	case !s.isPrevious(p):
		return ""
	case s.Gen > s.PrevGen+1:
		return OutcomeRecovered // no other call skips a generation
	case p.Proof != nil:
		return OutcomeRolledForward
	}
	return OutcomeRotated
}

// live: the token is the live one.
func (s Session) live(p Presentation) (Session, Outcome) {
	s = s.used(p)
	// Generation 0 rotates at once, so that the token of the login is spent by
	// its first use.
	recent := s.Gen > 0 && s.age(p) < p.Debounce && !s.fromFuture(p)
	if p.Keep || !p.Rotate || recent {
		s.Seen = true
		return s, OutcomeKept
	}
	if s.fromFuture(p) {
		s.RotatedAt = time.Time{} // else no token would ever be old
	}
	s.PrevGen, s.PrevJTI = s.Gen, s.JTI
	return s.next(p, p.Next), OutcomeRotated
}

// previous: the token is the one before the live one. Its owner has not had the
// answer yet, or never will.
func (s Session) previous(p Presentation) (Session, Outcome) {
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
		// The call may be older than the replay that has answered another call of this
		// client. To replace the live token would make the one that the client has a
		// dead one.
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
	return s.next(p, p.Proof.Next), OutcomeRecovered // the predecessor stays
}

// recoverable reports whether the successor of the presented token may be
// replaced: nobody has used it, and that does not happen often.
func (s Session) recoverable(p Presentation) bool {
	return s.age(p) < p.Recovery && !s.Seen && (!s.counts(p) ||
		s.Recoveries < MaxRecoveries || s.windowOver(p))
}

// windowOver reports whether the window of the recoveries is over. One that begins
// in the future was written by a wrong clock.
func (s Session) windowOver(p Presentation) bool {
	return p.Now.Sub(s.RecoveryAt).Abs() >= RecoveryWindow
}

// counts reports whether a recovery comes out of the budget. One within debounce
// does not: where two replicas' clocks are grace apart, it is a prompt retry.
func (s Session) counts(p Presentation) bool { return s.age(p) >= p.Debounce }

// ahead: the token is of a generation that the store does not know. If the live
// one leads to it, the store has lost writes in a failover, and the session goes
// on from it as it was when it was made.
func (s Session) ahead(p Presentation) (Session, Outcome) {
	switch {
	case !s.answered(p):
		return s, OutcomeAhead
	case p.Proof.Before == "":
		return s.reuse(p)
	}
	s.Gen, s.JTI = p.Gen, p.JTI
	s.PrevGen, s.PrevJTI = p.Gen-1, p.Proof.Before
	s.RotatedAt, s.Op = later(s.RotatedAt, earlier(p.IssuedAt, p.Now)), p.Op
	s.Seen, s.Graced = false, 0
	s, _ = s.live(p)
	return s, OutcomeRolledForward
}

// reuse: the token was spent. Its owner or a thief has another; end both. A call
// that was made before the rotation that it would accuse, or may have been, ends
// nothing: if a thief made it, the thief's next one is judged at its own time.
func (s Session) reuse(p Presentation) (Session, Outcome) {
	if p.Now.Before(s.RotatedAt) || p.Woken || s.isPrevious(p) && s.skewed(p) {
		return s, OutcomeLate
	}
	return s.Tombstone(EndReuse, p.Now, p.Op), OutcomeReuse
}

// next makes the token with that id the live one.
func (s Session) next(p Presentation, id TokenID) Session {
	s.Gen, s.JTI = s.Gen+1, id
	s.RotatedAt, s.Op = later(s.RotatedAt, p.Now), p.Op
	s.Seen, s.Graced = false, 0
	return s
}

// used notes an accepted presentation.
func (s Session) used(p Presentation) Session {
	s.UsedAt = later(s.UsedAt, p.Now)
	if p.Sliding {
		s.IdleAt = later(s.IdleAt, earlier(p.Now.Add(p.IdleTTL), s.AbsoluteAt))
	}
	return s
}

// age is how long the live token has been so; a clock that went back counts as
// no time.
func (s Session) age(p Presentation) time.Duration {
	return max(0, p.Now.Sub(s.RotatedAt))
}

// skewed reports whether the predecessor may still be within grace by the clock of
// another replica: each may be off by the clock limit.
func (s Session) skewed(p Presentation) bool {
	return p.Grace > 0 && s.age(p) < p.Grace+2*p.ClockLimit
}

// fromFuture reports whether a wrong clock wrote when the live token became so.
func (s Session) fromFuture(p Presentation) bool { return s.RotatedAt.Sub(p.Now) > MaxRotatedAhead }

func (s Session) isPrevious(p Presentation) bool {
	return s.PrevJTI != "" && p.Gen == s.PrevGen && p.JTI == s.PrevJTI
}

// answered reports whether the presentation has a proof for the token that is
// live now.
func (s Session) answered(p Presentation) bool {
	return p.Proof != nil && p.Proof.Gen == s.Gen && p.Proof.JTI == s.JTI
}

// Presented is the answer that goes with an outcome.
func (s Session) Presented(o Outcome) Presented {
	switch {
	case o == OutcomeRevoked:
		return Presented{Outcome: o, Ended: s.Ended}
	case o.Question():
		return Presented{Outcome: o, Gen: s.Gen, JTI: s.JTI, RotatedAt: s.RotatedAt}
	case !o.Accepted():
		return Presented{Outcome: o}
	}
	return Presented{
		Outcome: o, Gen: s.Gen, JTI: s.JTI, RotatedAt: s.RotatedAt,
		IdleAt: s.IdleAt, AbsoluteAt: s.AbsoluteAt,
		AuthTime: s.AuthTime, AMR: s.AMR, Scope: s.Scope,
	}
}

// Live reports whether a session can still be refreshed, for a user of that
// epoch and kept session.
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
