package repotest

import (
	"errors"
	"fmt"
	"sync"
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
		for _, jti := range []repository.TokenID{session.JTI, "spent"} { // rotated, then reuse; outcome.go has the others
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
	{"OfManyReplaysEachGetsTheLiveToken", func(t *testing.T, s repository.Store) {
		session := newSession()
		must(t, s.Sessions.CreateSession(t.Context(), session))
		first, err := s.Sessions.PresentSession(t.Context(), presentation(session))
		must(t, err)
		for _, err := range together(16, func(int) error {
			got, err := s.Sessions.PresentSession(t.Context(), presentation(session))
			if got.Outcome != repository.OutcomeReplayed || got.JTI != first.JTI || got.Gen != 1 || !got.RotatedAt.Equal(first.RotatedAt) {
				return fmt.Errorf("%+v, want a replay of %+v; %w", got, first, err)
			}
			return err
		}) {
			must(t, err)
		}
	}},
	{"OneOfManyRecovers", func(t *testing.T, s repository.Store) {
		session := newSession()
		atGeneration3(&session)
		must(t, s.Sessions.CreateSession(t.Context(), session))
		var mu sync.Mutex
		outcomes, ids := map[repository.Outcome]int{}, map[repository.TokenID]bool{}
		for _, err := range together(16, func(int) error {
			p := presentation(session)
			p.Gen, p.JTI = session.PrevGen, session.PrevJTI
			got, err := ask(t.Context(), s, p)
			mu.Lock()
			defer mu.Unlock()
			outcomes[got.Outcome]++
			ids[got.JTI] = true
			return err
		}) {
			must(t, err)
		}
		if outcomes[repository.OutcomeRecovered] != 1 || outcomes[repository.OutcomeReplayed] != 15 || len(ids) != 1 {
			t.Errorf("%v, %d tokens; want 1 recovered, 15 replayed, 1 token", outcomes, len(ids))
		}
	}},
	{"AQuestionIsAskedAgainWhenTheSessionMovedOn", func(t *testing.T, s repository.Store) {
		session := newSession()
		atGeneration3(&session)
		must(t, s.Sessions.CreateSession(t.Context(), session))
		p := presentation(session)
		p.Gen, p.JTI = session.PrevGen, session.PrevJTI
		p.Proof = &repository.Proof{Gen: 2, JTI: "another", Next: "x"}
		got, err := s.Sessions.PresentSession(t.Context(), p)
		must(t, err)
		if got.Outcome != repository.OutcomeRecoverable || got.Gen != session.Gen || got.JTI != session.JTI {
			t.Errorf("got %+v", got)
		}
		sameSession(t, s, session)
	}},
	{"RandomHistoriesAgreeWithTheRules", randomHistories},
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

func ms(n int) time.Time {
	return noon.Truncate(time.Millisecond).Add(time.Duration(n) * time.Millisecond)
}

// newSession is the session of a login at noon: idle after an hour, over after
// four.
func newSession() repository.Session {
	id := newID()
	return repository.Session{
		ID: id, UserID: newID(), JTI: chain(id, 0), RotatedAt: ms(0), IdleAt: ms(0).Add(time.Hour),
		AbsoluteAt: ms(0).Add(4 * time.Hour), ClientID: "latchkey", Delivery: repository.DeliveryBody, AMR: "pwd",
		AuthTime: ms(0), CreatedAt: ms(0), UsedAt: ms(0), Address: "192.0.2.1", Agent: "Firefox on Linux",
	}
}

// atGeneration3 makes a session one that has rotated three times, last at noon.
func atGeneration3(s *repository.Session) {
	s.Gen, s.PrevGen, s.Op = 3, 2, "before"
	s.PrevJTI, s.JTI = chain(s.ID, 2), chain(s.ID, 3)
}

// presentation shows the live token of a session a minute after noon.
func presentation(s repository.Session) repository.Presentation {
	return repository.Presentation{
		UserID: s.UserID, SessionID: s.ID, Gen: s.Gen, JTI: s.JTI, Next: chain(s.ID, s.Gen+1), ClientID: s.ClientID,
		Delivery: repository.DeliveryBody, Epoch: s.Epoch, Op: newID(), Now: ms(0).Add(time.Minute), IssuedAt: s.RotatedAt,
		Rotate: true, Sliding: true, Grace: 10 * time.Second, Debounce: 20 * time.Second, Recovery: 2 * time.Hour, IdleTTL: time.Hour,
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
