package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

// devices tests operations on all sessions of a user.
var devices = []promise{
	{"TheLongestIdleAreTooMany", func(t *testing.T, s repository.Store) {
		user, kept := newID(), newID()
		add := func(used int, change func(*repository.Session)) repository.Session {
			session := newSession()
			session.UserID, session.UsedAt = user, ms(used)
			if change != nil {
				change(&session)
			}
			begin(t, s, session)
			return session
		}
		add(1, func(s *repository.Session) { s.IdleAt = ms(-1) })       // expired: not counted
		add(2, func(s *repository.Session) { s.Epoch = 6 })             // of an older epoch: not counted
		add(3, func(s *repository.Session) { s.ID, s.Epoch = kept, 6 }) // the kept session: counted
		oldest := add(2, func(s *repository.Session) { s.Epoch = 7 })
		add(4, func(s *repository.Session) { s.Epoch = 7 })
		fresh := newSession()
		fresh.UserID, fresh.Epoch, fresh.UsedAt = user, 7, ms(-9) // never part of the surplus
		for range 2 {                                             // a retry returns the same sessions
			surplus, err := s.Sessions.CreateSession(t.Context(), fresh, repository.Limit{Sessions: 3, ExceptSession: kept})
			must(t, err)
			if len(surplus) != 1 || surplus[0] != oldest.ID {
				t.Errorf("too many: %v, want %s", surplus, oldest.ID)
			}
		}
		sameSession(t, s, oldest) // the login must revoke it
		sameSession(t, s, fresh)
		next := newSession()
		next.UserID, next.Epoch = user, 7
		surplus, err := s.Sessions.CreateSession(t.Context(), next, repository.Limit{Sessions: 2, ExceptSession: kept, Replaced: oldest.ID})
		must(t, err)
		if len(surplus) != 2 {
			t.Errorf("under a lower limit, one replaced: %d too many, want 2", len(surplus))
		}
	}},
	{"ManyLoginsAtOnceStayWithinTheLimit", func(t *testing.T, s repository.Store) {
		user := newID()
		for _, err := range together(20, func(int) error {
			session := newSession()
			session.UserID = user
			surplus, err := s.Sessions.CreateSession(t.Context(), session, repository.Limit{Sessions: 5})
			for _, id := range surplus {
				session.ID = id
				if _, err := s.Sessions.EndSession(t.Context(), ending(session, "op")); err != nil {
					return err
				}
			}
			return err
		}) {
			must(t, err)
		}
		list, err := s.Sessions.ListSessions(t.Context(), user)
		must(t, err)
		if len(list) != 5 {
			t.Errorf("%d sessions, want 5", len(list))
		}
	}},
	{"TheListHasTheLiveOnesTheLastUsedFirst", func(t *testing.T, s repository.Store) {
		user := newID()
		var want []repository.Session
		for i := range 3 {
			session := newSession()
			session.UserID, session.UsedAt = user, ms(i)
			begin(t, s, session)
			want = append([]repository.Session{session}, want...)
		}
		over := newSession()
		over.UserID = user
		begin(t, s, over)
		_, err := s.Sessions.EndSession(t.Context(), ending(over, "op"))
		must(t, err)
		reused := newSession()
		reused.UserID = user
		begin(t, s, reused)
		p := presentation(reused)
		p.JTI = "spent"
		_, err = s.Sessions.RefreshSession(t.Context(), p)
		must(t, err)
		got, err := s.Sessions.ListSessions(t.Context(), user)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}},
	{"EndingTheOthersLeavesOne", func(t *testing.T, s repository.Store) {
		mine, other, newer, stranger := newSession(), newSession(), newSession(), newSession()
		other.UserID, newer.UserID = mine.UserID, mine.UserID
		newer.Epoch = mine.Epoch + 1 // of a login after the revocation
		for _, session := range []repository.Session{mine, other, newer, stranger} {
			begin(t, s, session)
		}
		must(t, s.Sessions.EndOtherSessions(t.Context(), ending(mine, "op")))
		other = other.Tombstone(repository.EndLogout, ms(0), "op")
		for _, session := range []repository.Session{mine, other, newer, stranger} {
			sameSession(t, s, session)
		}
		all := ending(mine, "op")
		all.SessionID = ""
		must(t, s.Sessions.EndOtherSessions(t.Context(), all))
		mine = mine.Tombstone(repository.EndLogout, ms(0), "op")
		sameSession(t, s, mine)
	}},
	{"APurgeLeavesWhatIsNotOver", func(t *testing.T, s repository.Store) {
		session := newSession()
		begin(t, s, session)
		n, err := s.Sessions.PurgeSessions(t.Context(), session.AbsoluteAt, 10)
		must(t, err)
		if n != 0 {
			t.Errorf("%d purged", n)
		}
		sameSession(t, s, session)
	}},
	{"ASessionThatIsLongOverIsForgotten", func(t *testing.T, s repository.Store) {
		now := ms(0)
		atExpiry := newSession()
		atExpiry.AbsoluteAt = now
		begin(t, s, atExpiry)
		over := make([]repository.Session, 3)
		for i := range over {
			// A store that expires sessions by itself counts from CreatedAt, so this one expires at once.
			over[i] = newSession()
			over[i].AbsoluteAt = over[i].CreatedAt.Add(-2 * time.Hour)
			begin(t, s, over[i])
		}
		remaining := func() (n int) {
			for _, session := range over {
				_, err := s.Sessions.FindSession(t.Context(), session.UserID, session.ID)
				switch {
				case err == nil:
					n++
				case !errors.Is(err, repository.ErrNotFound):
					t.Fatal(err)
				}
			}
			return n
		}
		for before, n := remaining(), -1; n != 0; {
			var err error
			n, err = s.Sessions.PurgeSessions(t.Context(), now, 2)
			must(t, err)
			after := remaining()
			if n > 2 || n != before-after {
				t.Fatalf("a purge of at most 2 reports %d, and %d of %d sessions remain", n, after, before)
			}
			before = after
		}
		if n := remaining(); n != 0 {
			t.Errorf("%d sessions that are over remain", n)
		}
		sameSession(t, s, atExpiry)
	}},
}

// event is one call of a concurrent history.
type event struct {
	client           int
	called, returned time.Duration
	got              repository.RefreshResult
}

// before reports whether a returned before b began, so that a precedes b in every order of the
// calls.
func (e event) before(o event) bool { return e.returned < o.called }

// orderly lets 32 clients send the current token of one session concurrently, generation after
// generation. One of them is another client, and one requests to keep the token. In the last
// round one sends a superseded token. One call of each round rotates the token, and one call
// causes the reuse. Every other result must be consistent with an order of the calls that
// agrees with the times at which they began and returned.
func orderly(t *testing.T, s repository.Store) {
	const clients, rounds = 32, 6
	session := newSession()
	begin(t, s, session)
	start := time.Now()
	met := map[repository.Outcome]int{}
	for round := range rounds {
		var mu sync.Mutex
		var history []event
		spent := round == rounds-1
		for _, err := range together(clients, func(client int) error {
			p := presentation(session)
			p.Gen = int64(round)
			p.Now = ms(0).Add(time.Duration(round) * 25 * time.Second)
			switch {
			case client == 0:
				p.ClientID = "stranger"
			case client == 1:
				p.Keep = true
			case client == 2 && spent:
				p.Gen = 1
			}
			p.JTI, p.Next = chain(session.ID, p.Gen), chain(session.ID, p.Gen+1)
			e := event{client: client, called: time.Since(start)}
			got, err := s.Sessions.RefreshSession(t.Context(), p)
			e.got, e.returned = got, time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			history = append(history, e)
			met[got.Outcome]++
			return err
		}) {
			must(t, err)
		}
		explain(t, session, history, int64(round))
	}
	t.Logf("%d calls of %d clients: %v", clients*rounds, clients, met)
	if met[repository.OutcomeRotated] < rounds-1 || met[repository.OutcomeReuse] != 1 {
		t.Error("too little has happened")
	}
}

// explain finds the calls that decided a round. It requires that every other call can have the
// position in the order that its result implies.
func explain(t *testing.T, session repository.Session, history []event, gen int64) {
	t.Helper()
	var rotation, reuse *event
	for i, e := range history {
		if e.got.Outcome == repository.OutcomeReuse {
			reuse = &history[i]
		}
		if e.got.Outcome == repository.OutcomeRotated {
			if rotation != nil {
				t.Errorf("generation %d rotated twice", gen)
			}
			rotation = &history[i]
		}
	}
	for _, e := range history {
		wrong := ""
		switch o := e.got.Outcome; {
		case o.Accepted() && reuse != nil && reuse.before(e):
			wrong = "accepted after the reuse"
		case o == repository.OutcomeRevoked && (reuse == nil || e.before(*reuse)):
			wrong = "revoked before the reuse"
		case o == repository.OutcomeReplayed && (rotation == nil || e.before(*rotation)):
			wrong = "replayed before the rotation"
		case o == repository.OutcomeKept && rotation != nil && rotation.before(e):
			wrong = "kept after the rotation"
		case (o == repository.OutcomeRotated || o == repository.OutcomeReplayed) &&
			(e.got.Gen != gen+1 || e.got.JTI != chain(session.ID, gen+1)):
			wrong = "another token"
		case (o == repository.OutcomeClientMismatch) != (e.client == 0) && o != repository.OutcomeRevoked:
			wrong = "the stranger is not told from the others"
		}
		if wrong != "" {
			t.Errorf("generation %d, client %d, %s: %s", gen, e.client, e.got.Outcome, wrong)
		}
	}
}
