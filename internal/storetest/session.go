package storetest

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
			RotatedAt: ms(1), OperationID: "op", Seen: true, IdleAt: ms(2), AbsoluteAt: ms(30), Epoch: 4, ClientID: "c",
			Delivery: repository.DeliveryCookie, Scope: "a b", AMR: "pwd otp", AuthTime: ms(5), Graced: 6, Recoveries: 7,
			RecoveryAt: ms(8), CreatedAt: ms(10), UsedAt: ms(11),
			Address: "192.0.2.1", Agent: "Firefox on Linux",
		}
		begin(t, s, want)
		sameSession(t, s, want)
	}},
	{"UnknownIsNotFound", func(t *testing.T, s repository.Store) {
		if _, err := s.Sessions.FindSession(t.Context(), newID(), newID()); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	}},
	{"CreatingTheSameAgainChangesNothing", func(t *testing.T, s repository.Store) {
		session := newSession()
		begin(t, s, session)
		begin(t, s, session)
		other := session
		other.JTI = newTokenID()
		if _, err := s.Sessions.CreateSession(t.Context(), other, repository.Limit{Sessions: 50}); !errors.Is(err, repository.ErrExists) {
			t.Errorf("another session with its ID: %v, want ErrExists", err)
		}
		sameSession(t, s, session)
	}},
	{"EveryOutcomeOfTheTable", everyOutcome},
	{"RotatedOnceByOneOfMany", rotatedOnce},
	{"ARotatedSessionCarriesItsPredecessor", func(t *testing.T, s repository.Store) {
		session := newSession()
		begin(t, s, session)
		p := presentation(session)
		p.Now = session.CreatedAt.Add(time.Minute)
		want, outcome := session.Refresh(p)
		got, err := s.Sessions.RefreshSession(t.Context(), p)
		must(t, err)
		if diff := cmp.Diff(want.Result(outcome), got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got.Outcome != repository.OutcomeRotated || got.Gen != 1 || got.JTI != p.Next {
			t.Errorf("got %+v", got)
		}
		sameSession(t, s, want)
	}},
	{"TheSameCallAgainHasTheSameOutcome", func(t *testing.T, s repository.Store) {
		session := newSession()
		begin(t, s, session)
		for _, jti := range []repository.TokenID{session.JTI, "spent"} { // rotated, then reuse; outcome.go tests the others
			p := presentation(session)
			p.JTI = jti
			first, err := s.Sessions.RefreshSession(t.Context(), p)
			must(t, err)
			again, err := s.Sessions.RefreshSession(t.Context(), p)
			must(t, err)
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("%s (-first +again):\n%s", first.Outcome, diff)
			}
		}
	}},
	{"ATombstoneStays", func(t *testing.T, s repository.Store) {
		session := newSession()
		begin(t, s, session)
		for i, op := range []string{"first", "second"} {
			before, err := s.Sessions.EndSession(t.Context(), ending(session, op))
			must(t, err)
			if want := []repository.EndReason{"", repository.EndLogout}[i]; before != want {
				t.Errorf("%s: it had ended by %q, want %q", op, before, want)
			}
		}
		session = session.Tombstone(repository.EndLogout, ms(0), "first")
		sameSession(t, s, session)
		got, err := s.Sessions.RefreshSession(t.Context(), presentation(session))
		must(t, err)
		if got.Outcome != repository.OutcomeRevoked {
			t.Errorf("%s, want revoked", got.Outcome)
		}
	}},
	{"EndingAnUnknownSessionMakesNone", func(t *testing.T, s repository.Store) {
		session := newSession()
		_, err := s.Sessions.EndSession(t.Context(), ending(session, "op"))
		must(t, err)
		if _, err := s.Sessions.FindSession(t.Context(), session.UserID, session.ID); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	}},
	{"OneSessionNeverChangesAnother", func(t *testing.T, s repository.Store) {
		mine, sibling := newSession(), newSession()
		sibling.UserID = mine.UserID
		begin(t, s, mine)
		begin(t, s, sibling)
		p := presentation(mine)
		p.JTI = "spent"
		_, err := s.Sessions.RefreshSession(t.Context(), p)
		must(t, err)
		sameSession(t, s, sibling)
	}},
	{"OfManyReplaysEachGetsTheLiveToken", func(t *testing.T, s repository.Store) {
		session := newSession()
		begin(t, s, session)
		first, err := s.Sessions.RefreshSession(t.Context(), presentation(session))
		must(t, err)
		for _, err := range together(16, func(int) error {
			got, err := s.Sessions.RefreshSession(t.Context(), presentation(session))
			if got.Outcome != repository.OutcomeReplayed || got.JTI != first.JTI || got.Gen != 1 || !got.RotatedAt.Equal(first.RotatedAt) {
				return fmt.Errorf("%+v, want a replay of %+v; %w", got, first, err)
			}
			return err
		}) {
			must(t, err)
		}
	}},
	{"GraceDoesNotSlideWithEachReplay", func(t *testing.T, s repository.Store) {
		session := newSession()
		atGeneration3(&session)
		session.Seen = true
		begin(t, s, session)
		p := presentation(session)
		p.Gen, p.JTI = session.PrevGen, session.PrevJTI
		for _, step := range []struct {
			after time.Duration
			want  repository.Outcome
		}{{6 * time.Second, repository.OutcomeReplayed}, {9 * time.Second, repository.OutcomeReplayed}, {12 * time.Second, repository.OutcomeLate}, {20 * time.Second, repository.OutcomeReuse}} {
			p.Now = ms(0).Add(step.after)
			got, err := ask(t.Context(), s, p)
			must(t, err)
			if got.Outcome != step.want {
				t.Errorf("after %s: %s, want %s", step.after, got.Outcome, step.want)
			}
		}
	}},
	{"IdleNeverPassesAbsolute", func(t *testing.T, s repository.Store) {
		session := newSession()
		session.IdleAt = session.AbsoluteAt
		begin(t, s, session)
		p := presentation(session)
		p.Now = session.AbsoluteAt.Add(-time.Minute)
		got, err := s.Sessions.RefreshSession(t.Context(), p)
		must(t, err)
		if !got.IdleAt.Equal(session.AbsoluteAt) {
			t.Errorf("idle at %s, absolute at %s", got.IdleAt, session.AbsoluteAt)
		}
	}},
	{"RotationsDoNotRefillTheRecoveries", func(t *testing.T, s repository.Store) {
		session := newSession()
		session.IdleAt = session.AbsoluteAt
		begin(t, s, session)
		p, now := presentation(session), ms(0)
		held := int64(0)
		present := func() repository.RefreshResult {
			now = now.Add(30 * time.Second)
			p.Gen, p.JTI, p.Next, p.Now, p.OperationID, p.Proof = held, chain(session.ID, held), chain(session.ID, held+1), now, newID(), nil
			got, err := ask(t.Context(), s, p)
			must(t, err)
			return got
		}
		for i := range repository.MaxRecoveries {
			present() // rotated; the response is lost
			got := present()
			if got.Outcome != repository.OutcomeRecovered {
				t.Fatalf("recovery %d: %s", i, got.Outcome)
			}
			held = got.Gen
			held = present().Gen // rotated again; the response arrives
		}
		present()
		if got := present(); got.Outcome != repository.OutcomeReuse {
			t.Errorf("recovery %d of a day: %s, want reuse", repository.MaxRecoveries+1, got.Outcome)
		}
	}},
	{"UnderStrictRulesTheSameCallAgainIsNoReuse", func(t *testing.T, s repository.Store) {
		session := newSession()
		begin(t, s, session)
		p := presentation(session)
		p.Grace, p.Debounce, p.Recovery = 0, 0, 0
		for range 2 {
			got, err := s.Sessions.RefreshSession(t.Context(), p)
			must(t, err)
			if got.Outcome != repository.OutcomeRotated || got.JTI != p.Next {
				t.Errorf("got %+v", got)
			}
		}
	}},
	{"OneOfManyRecovers", func(t *testing.T, s repository.Store) {
		session := newSession()
		atGeneration3(&session)
		begin(t, s, session)
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
		begin(t, s, session)
		p := presentation(session)
		p.Gen, p.JTI = session.PrevGen, session.PrevJTI
		p.Proof = &repository.Proof{Gen: 2, JTI: "another", Next: "x"}
		got, err := s.Sessions.RefreshSession(t.Context(), p)
		must(t, err)
		if got.Outcome != repository.OutcomeRecoverable || got.Gen != session.Gen || got.JTI != session.JTI {
			t.Errorf("got %+v", got)
		}
		sameSession(t, s, session)
	}},
	{"ASessionThatHasEndedIsNotMadeAgain", func(t *testing.T, s repository.Store) {
		session := newSession()
		begin(t, s, session)
		_, err := s.Sessions.EndSession(t.Context(), ending(session, "op"))
		must(t, err)
		if _, err := s.Sessions.CreateSession(t.Context(), session, repository.Limit{Sessions: 50}); !errors.Is(err, repository.ErrExists) {
			t.Errorf("%v, want ErrExists", err)
		}
		sameSession(t, s, session.Tombstone(repository.EndLogout, ms(0), "op"))
	}},
	{"HistoriesOfManyClientsHaveAnOrder", orderly},
	{"RandomHistoriesAgreeWithTheRules", randomHistories},
}

// rotatedOnce lets many callers send one current token concurrently.
func rotatedOnce(t *testing.T, s repository.Store) {
	const callers = 64
	session := newSession()
	begin(t, s, session)
	outcomes := make([]repository.RefreshResult, callers)
	for _, err := range together(callers, func(i int) (err error) {
		p := presentation(session)
		outcomes[i], err = s.Sessions.RefreshSession(t.Context(), p)
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

// begin adds a session and requires that no other session is surplus.
func begin(t testing.TB, s repository.Store, session repository.Session) {
	t.Helper()
	surplus, err := s.Sessions.CreateSession(t.Context(), session, repository.Limit{Sessions: 50})
	must(t, err)
	if len(surplus) > 0 {
		t.Errorf("too many: %v", surplus)
	}
}

func ms(n int) time.Time {
	return noon.Truncate(time.Millisecond).Add(time.Duration(n) * time.Millisecond)
}

// newSession returns the session of a login at noon. It expires after an hour without use, and
// after four hours in any case.
func newSession() repository.Session {
	id := newID()
	return repository.Session{
		ID: id, UserID: newID(), JTI: chain(id, 0), RotatedAt: ms(0), IdleAt: ms(0).Add(time.Hour),
		AbsoluteAt: ms(0).Add(4 * time.Hour), ClientID: "latchkey", Delivery: repository.DeliveryBody, AMR: "pwd",
		AuthTime: ms(0), CreatedAt: ms(0), UsedAt: ms(0), Address: "192.0.2.1", Agent: "Firefox on Linux",
	}
}

// atGeneration3 changes a session as if it had rotated three times, last at noon.
func atGeneration3(s *repository.Session) {
	s.Gen, s.PrevGen, s.OperationID = 3, 2, "before"
	s.PrevJTI, s.JTI = chain(s.ID, 2), chain(s.ID, 3)
}

// presentation returns a refresh request with the current token of a session, a minute after
// noon.
func presentation(s repository.Session) repository.RefreshRequest {
	return repository.RefreshRequest{
		RefreshToken: repository.RefreshToken{UserID: s.UserID, SessionID: s.ID, Gen: s.Gen, JTI: s.JTI, IssuedAt: s.RotatedAt},
		Next:         chain(s.ID, s.Gen+1), ClientID: s.ClientID, Delivery: repository.DeliveryBody, Epoch: s.Epoch,
		OperationID: newID(), Now: ms(0).Add(time.Minute), Rotate: true, Sliding: true,
		Grace: 10 * time.Second, Debounce: 20 * time.Second, Recovery: 2 * time.Hour, IdleTTL: time.Hour,
		ClockLimit: 5 * time.Second,
	}
}

func ending(s repository.Session, op string) repository.Ending {
	return repository.Ending{UserID: s.UserID, SessionID: s.ID, Reason: repository.EndLogout, Epoch: s.Epoch + 1, OperationID: op, Now: ms(0)}
}

func sameSession(t testing.TB, s repository.Store, want repository.Session) {
	t.Helper()
	got, err := s.Sessions.FindSession(t.Context(), want.UserID, want.ID)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the session (-want +got):\n%s", diff)
	}
}
