package repotest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

var sessions = []promise{
	{"RoundTripKeepsEveryField", func(t *testing.T, s repository.Store) {
		want := repository.Session{
			ID: newID(), UserID: newID(), Gen: 9, JTI: newTokenID(), PrevGen: 8, PrevJTI: newTokenID(),
			RotatedAt: ms(1), Op: "op", Seen: true, IdleAt: ms(2), AbsoluteAt: ms(30), Epoch: 4, ClientID: "c",
			Delivery: repository.DeliveryCookie, Scope: "a b", AMR: "pwd otp", AuthTime: ms(5), Graced: 6, Recoveries: 7,
			RecoveryAt: ms(8), Ended: repository.EndLogout, EndedAt: ms(9), EndOp: "end", CreatedAt: ms(10), UsedAt: ms(11),
			Address: "192.0.2.1", Agent: "Firefox on Linux",
		}
		must(t, s.Sessions.CreateSession(t.Context(), want))
		sameSession(t, s, want)
	}},
	{"UnknownIsNotFound", func(t *testing.T, s repository.Store) {
		if _, err := s.Sessions.FindSession(t.Context(), newID(), newID()); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	}},
	{"CreatingTheSameAgainChangesNothing", func(t *testing.T, s repository.Store) {
		session := newSession()
		must(t, s.Sessions.CreateSession(t.Context(), session))
		must(t, s.Sessions.CreateSession(t.Context(), session))
		other := session
		other.JTI = newTokenID()
		if err := s.Sessions.CreateSession(t.Context(), other); !errors.Is(err, repository.ErrExists) {
			t.Errorf("another session with its ID: %v, want ErrExists", err)
		}
		sameSession(t, s, session)
	}},
	{"EveryOutcomeOfTheTable", everyOutcome},
	{"RotatedOnceByOneOfMany", rotatedOnce},
	{"ARotatedSessionCarriesItsPredecessor", func(t *testing.T, s repository.Store) {
		session := newSession()
		must(t, s.Sessions.CreateSession(t.Context(), session))
		p := presentation(session)
		p.Now = session.CreatedAt.Add(time.Minute)
		want, outcome := session.Present(p)
		got, err := s.Sessions.PresentSession(t.Context(), p)
		must(t, err)
		if diff := cmp.Diff(want.Presented(outcome), got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got.Outcome != repository.OutcomeRotated || got.Gen != 1 || got.JTI != p.Next {
			t.Errorf("got %+v", got)
		}
		sameSession(t, s, want)
	}},
	{"TheSameCallAgainHasTheSameOutcome", func(t *testing.T, s repository.Store) {
		session := newSession()
		must(t, s.Sessions.CreateSession(t.Context(), session))
		for _, jti := range []repository.TokenID{session.JTI, "spent"} { // rotated, then reuse
			p := presentation(session)
			p.JTI = jti
			first, err := s.Sessions.PresentSession(t.Context(), p)
			must(t, err)
			again, err := s.Sessions.PresentSession(t.Context(), p)
			must(t, err)
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("%s (-first +again):\n%s", first.Outcome, diff)
			}
		}
	}},
	{"ATombstoneStays", func(t *testing.T, s repository.Store) {
		session := newSession()
		must(t, s.Sessions.CreateSession(t.Context(), session))
		must(t, s.Sessions.EndSession(t.Context(), ending(session, "first")))
		must(t, s.Sessions.EndSession(t.Context(), ending(session, "second")))
		session.Ended, session.EndedAt, session.EndOp = repository.EndLogout, ms(0), "first"
		sameSession(t, s, session)
		got, err := s.Sessions.PresentSession(t.Context(), presentation(session))
		must(t, err)
		if got.Outcome != repository.OutcomeRevoked {
			t.Errorf("%s, want revoked", got.Outcome)
		}
	}},
	{"EndingAnUnknownSessionMakesNone", func(t *testing.T, s repository.Store) {
		session := newSession()
		must(t, s.Sessions.EndSession(t.Context(), ending(session, "op")))
		if _, err := s.Sessions.FindSession(t.Context(), session.UserID, session.ID); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	}},
	{"OneSessionNeverChangesAnother", func(t *testing.T, s repository.Store) {
		mine, sibling := newSession(), newSession()
		sibling.UserID = mine.UserID
		must(t, s.Sessions.CreateSession(t.Context(), mine))
		must(t, s.Sessions.CreateSession(t.Context(), sibling))
		p := presentation(mine)
		p.JTI = "spent"
		_, err := s.Sessions.PresentSession(t.Context(), p)
		must(t, err)
		sameSession(t, s, sibling)
	}},
	{"RandomHistoriesAgreeWithTheRules", randomHistories},
}

// everyOutcome walks the table of outcomes, each case on a session of its own.
func everyOutcome(t *testing.T, s repository.Store) {
	cases := map[string]struct {
		session func(*repository.Session)
		present func(*repository.Presentation)
		want    repository.Outcome
	}{
		"live at generation 0":     {nil, nil, repository.OutcomeRotated},
		"live, rotation off":       {nil, func(p *repository.Presentation) { p.Rotate = false }, repository.OutcomeKept},
		"live, within debounce":    {atGeneration3, func(p *repository.Presentation) { p.Now = ms(0).Add(19999 * time.Millisecond) }, repository.OutcomeKept},
		"live, at debounce":        {atGeneration3, func(p *repository.Presentation) { p.Now = ms(0).Add(20 * time.Second) }, repository.OutcomeRotated},
		"live, a clock gone back":  {atGeneration3, func(p *repository.Presentation) { p.Now = ms(0).Add(-time.Hour) }, repository.OutcomeKept},
		"another epoch":            {nil, func(p *repository.Presentation) { p.Epoch++ }, repository.OutcomeRevoked},
		"another epoch, kept":      {nil, func(p *repository.Presentation) { p.Epoch++; p.Kept = true }, repository.OutcomeRotated},
		"ended":                    {func(s *repository.Session) { s.Ended, s.EndOp = repository.EndLogout, "x" }, nil, repository.OutcomeRevoked},
		"ended for reuse":          {func(s *repository.Session) { s.Ended, s.EndOp = repository.EndReuse, "x" }, nil, repository.OutcomeRevoked},
		"another client":           {nil, func(p *repository.Presentation) { p.ClientID = "other" }, repository.OutcomeClientMismatch},
		"a cookie's in a body":     {func(s *repository.Session) { s.Delivery = repository.DeliveryCookie }, nil, repository.OutcomeDeliveryMismatch},
		"a body's in a cookie":     {nil, func(p *repository.Presentation) { p.Delivery = repository.DeliveryCookie }, repository.OutcomeRotated},
		"a moment before idle":     {nil, func(p *repository.Presentation) { p.Now = ms(0).Add(time.Hour - time.Millisecond) }, repository.OutcomeRotated},
		"at idle":                  {nil, func(p *repository.Presentation) { p.Now = ms(0).Add(time.Hour) }, repository.OutcomeExpired},
		"at absolute":              {func(s *repository.Session) { s.IdleAt = ms(0).Add(9 * time.Hour) }, func(p *repository.Presentation) { p.Now = ms(0).Add(4 * time.Hour) }, repository.OutcomeExpired},
		"a spent generation":       {atGeneration3, func(p *repository.Presentation) { p.Gen = 1 }, repository.OutcomeReuse},
		"the predecessor":          {atGeneration3, func(p *repository.Presentation) { p.Gen, p.JTI = 2, "prev" }, repository.OutcomeReuse},
		"another jti of that age":  {atGeneration3, func(p *repository.Presentation) { p.JTI = "other" }, repository.OutcomeReuse},
		"a generation to come":     {atGeneration3, func(p *repository.Presentation) { p.Gen = 4 }, repository.OutcomeReuse},
		"spent, by another client": {atGeneration3, func(p *repository.Presentation) { p.Gen, p.ClientID = 1, "other" }, repository.OutcomeClientMismatch},
		"spent, after expiry":      {atGeneration3, func(p *repository.Presentation) { p.Gen, p.Now = 1, ms(0).Add(time.Hour) }, repository.OutcomeExpired},
		"no such session":          {nil, func(p *repository.Presentation) { p.SessionID = newID() }, repository.OutcomeUnknown},
		"another user's name":      {nil, func(p *repository.Presentation) { p.UserID = newID() }, repository.OutcomeUnknown},
	}
	seen := map[repository.Outcome]bool{}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			session := newSession()
			if c.session != nil {
				c.session(&session)
			}
			must(t, s.Sessions.CreateSession(t.Context(), session))
			p := presentation(session)
			if c.present != nil {
				c.present(&p)
			}
			got, err := s.Sessions.PresentSession(t.Context(), p)
			must(t, err)
			if got.Outcome != c.want {
				t.Errorf("%s, want %s", got.Outcome, c.want)
			}
			want, outcome := session, repository.OutcomeUnknown
			if c.want != repository.OutcomeUnknown {
				want, outcome = session.Present(p)
			}
			if diff := cmp.Diff(want.Presented(outcome), got); diff != "" {
				t.Errorf("the answer differs from the rules (-want +got):\n%s", diff)
			}
			sameSession(t, s, want)
			seen[got.Outcome] = true
		})
	}
	for _, o := range repository.Outcomes() {
		if !seen[o] {
			t.Errorf("no case has the outcome %s", o)
		}
	}
}

// rotatedOnce has many callers present one live token.
func rotatedOnce(t *testing.T, s repository.Store) {
	const callers = 64
	session := newSession()
	must(t, s.Sessions.CreateSession(t.Context(), session))
	outcomes := make([]repository.Presented, callers)
	for _, err := range together(callers, func(i int) (err error) {
		p := presentation(session)
		outcomes[i], err = s.Sessions.PresentSession(t.Context(), p)
		return err
	}) {
		must(t, err)
	}
	rotated := 0
	for _, o := range outcomes {
		if o.Outcome == repository.OutcomeRotated {
			rotated++
		}
	}
	if rotated != 1 {
		t.Errorf("%d of %d rotated, want 1", rotated, callers)
	}
	after, err := s.Sessions.FindSession(t.Context(), session.UserID, session.ID)
	must(t, err)
	if after.Gen != 1 {
		t.Errorf("generation %d, want 1", after.Gen)
	}
}

// randomHistories presents tokens that were or may have been live, at random
// times and under random policies, and compares the store with the rules after
// each.
func randomHistories(t *testing.T, s repository.Store) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		want := newSession()
		if r.IntN(2) == 0 {
			want.Delivery = repository.DeliveryCookie
		}
		must(t, s.Sessions.CreateSession(t.Context(), want))
		now, ops := want.CreatedAt, []string{"a", "b", "c"}
		for step := range 25 {
			now = now.Add(time.Duration(r.IntN(40000)-5000) * time.Millisecond)
			p := presentation(want)
			p.Now, p.Op = now, fmt.Sprint(ops[r.IntN(len(ops))], step/3)
			p.Rotate, p.Sliding = r.IntN(8) > 0, r.IntN(4) > 0
			p.Next = repository.TokenID(fmt.Sprint("jti-", step))
			if want.Delivery == repository.DeliveryCookie || r.IntN(2) == 0 {
				p.Delivery = repository.DeliveryCookie
			}
			switch r.IntN(12) {
			case 0:
				p.Gen, p.JTI = want.PrevGen, want.PrevJTI
			case 1:
				p.Epoch++
				p.Kept = r.IntN(2) == 0
			case 2:
				p.ClientID = "other"
			case 3:
				p.Now = now.Add(2 * time.Hour)
			}
			var outcome repository.Outcome
			want, outcome = want.Present(p)
			got, err := s.Sessions.PresentSession(t.Context(), p)
			must(t, err)
			if diff := cmp.Diff(want.Presented(outcome), got); diff != "" {
				t.Fatalf("seed %d, step %d, %+v (-rules +store):\n%s", seed, step, p, diff)
			}
			sameSession(t, s, want)
		}
	}
}

func ms(n int) time.Time {
	return noon.Truncate(time.Millisecond).Add(time.Duration(n) * time.Millisecond)
}

// newSession is the session of a login at noon: idle after an hour, over after
// four.
func newSession() repository.Session {
	return repository.Session{
		ID: newID(), UserID: newID(), JTI: newTokenID(), RotatedAt: ms(0), IdleAt: ms(0).Add(time.Hour),
		AbsoluteAt: ms(0).Add(4 * time.Hour), ClientID: "latchkey", Delivery: repository.DeliveryBody, AMR: "pwd",
		AuthTime: ms(0), CreatedAt: ms(0), UsedAt: ms(0), Address: "192.0.2.1", Agent: "Firefox on Linux",
	}
}

// atGeneration3 makes a session one that has rotated three times, last at noon.
func atGeneration3(s *repository.Session) {
	s.Gen, s.PrevGen, s.PrevJTI, s.Op = 3, 2, "prev", "before"
}

// presentation shows the live token of a session a minute after noon.
func presentation(s repository.Session) repository.Presentation {
	return repository.Presentation{
		UserID: s.UserID, SessionID: s.ID, Gen: s.Gen, JTI: s.JTI, Next: newTokenID(), ClientID: s.ClientID,
		Delivery: repository.DeliveryBody, Epoch: s.Epoch, Op: newID(), Now: ms(0).Add(time.Minute),
		Rotate: true, Sliding: true, Debounce: 20 * time.Second, IdleTTL: time.Hour,
	}
}

func ending(s repository.Session, op string) repository.Ending {
	return repository.Ending{UserID: s.UserID, SessionID: s.ID, Reason: repository.EndLogout, Op: op, Now: ms(0)}
}

func sameSession(t testing.TB, s repository.Store, want repository.Session) {
	t.Helper()
	got, err := s.Sessions.FindSession(t.Context(), want.UserID, want.ID)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the session (-want +got):\n%s", diff)
	}
}
