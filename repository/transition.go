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
	case s.Ended != "" && s.EndOp == p.Op && s.Ended == EndReuse:
		return s, OutcomeReuse // the same call, repeated
	case s.Ended != "", s.Epoch != p.Epoch && !p.Kept:
		return s, OutcomeRevoked
	case s.ClientID != p.ClientID:
		return s, OutcomeClientMismatch
	case s.Delivery == DeliveryCookie && p.Delivery != DeliveryCookie:
		return s, OutcomeDeliveryMismatch
	case !p.Now.Before(s.IdleAt), !p.Now.Before(s.AbsoluteAt):
		return s, OutcomeExpired
	case s.isPrevious(p) && s.Op == p.Op:
		return s, OutcomeRotated // the same call, repeated
	case !s.isLive(p):
		s.Ended, s.EndedAt, s.EndOp = EndReuse, p.Now, p.Op
		return s, OutcomeReuse
	}

	s.UsedAt = later(s.UsedAt, p.Now)
	if p.Sliding {
		s.IdleAt = later(s.IdleAt, earlier(p.Now.Add(p.IdleTTL), s.AbsoluteAt))
	}
	if s.keeps(p) {
		s.Seen = true
		return s, OutcomeKept
	}
	s.PrevGen, s.PrevJTI = s.Gen, s.JTI
	s.Gen, s.JTI = s.Gen+1, p.Next
	s.RotatedAt, s.Op = later(s.RotatedAt, p.Now), p.Op
	s.Seen, s.Graced = false, 0
	return s, OutcomeRotated
}

func (s Session) isLive(p Presentation) bool {
	return p.Gen == s.Gen && p.JTI == s.JTI
}

func (s Session) isPrevious(p Presentation) bool {
	return s.PrevJTI != "" && p.Gen == s.PrevGen && p.JTI == s.PrevJTI
}

// keeps reports whether the live token stays: the policy says so, or it was
// made a moment ago. Generation 0 rotates at once, so that the token of the
// login is spent by its first use.
func (s Session) keeps(p Presentation) bool {
	return !p.Rotate || s.Gen > 0 && p.Now.Sub(s.RotatedAt) < p.Debounce
}

// Presented is the answer that goes with an outcome.
func (s Session) Presented(o Outcome) Presented {
	switch {
	case o == OutcomeRevoked:
		return Presented{Outcome: o, Ended: s.Ended}
	case !o.Accepted():
		return Presented{Outcome: o}
	}
	return Presented{
		Outcome: o, Gen: s.Gen, JTI: s.JTI, RotatedAt: s.RotatedAt,
		IdleAt: s.IdleAt, AbsoluteAt: s.AbsoluteAt,
		AuthTime: s.AuthTime, AMR: s.AMR, Scope: s.Scope,
	}
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
