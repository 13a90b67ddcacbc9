package session_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/internal/apptest"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/session"
	"latchkey/service/token"
)

// TestRefresh_ParallelCallsGetOneSuccessor tests I2: of 64 parallel refresh requests with one live
// token exactly one is rotated. The other requests are replayed, and all return the same token.
func TestRefresh_ParallelCallsGetOneSuccessor(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		w := apptest.NewWorld(t, store, apptest.Standard)
		w.User(t, "ada")
		raw := w.Begin(t, "ada")
		const callers = 64
		grants := make([]session.TokenSet, callers)
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				g, err := w.Refresh(raw)
				if err != nil {
					t.Error(err)
				}
				grants[i] = g
			})
		}
		all.Wait()
		outcomes, tokens := map[repository.Outcome]int{}, map[token.Raw]bool{}
		for _, g := range grants {
			outcomes[g.Outcome]++
			tokens[g.Refresh] = true
		}
		t.Logf("%d parallel presentations: %v, %d refresh tokens", callers, outcomes, len(tokens))
		if outcomes[repository.OutcomeRotated] != 1 || outcomes[repository.OutcomeReplayed] != callers-1 || len(tokens) != 1 {
			t.Error("want 1 rotated, 63 replayed, 1 token")
		}
	})
}

// holding is the real session store behind a connection that can hold a call: its caller gets no
// answer, and the call arrives later.
type holding struct {
	repository.Sessions
	hold bool
	held *repository.RefreshRequest
}

func (h *holding) RefreshSession(ctx context.Context, p repository.RefreshRequest) (repository.RefreshResult, error) {
	if h.hold {
		h.held = &p
		return repository.RefreshResult{}, errAway
	}
	return h.Sessions.RefreshSession(ctx, p)
}

// modelSession is the state of one session as an honest client and the test know it.
type modelSession struct {
	first apptest.Claims
	held  token.Raw // the client's token
	spent []token.Raw
	over  bool // ended, and the end was acknowledged

	lost    bool        // the answer to the last refresh with held was lost
	lostAt  time.Time   // when its successor was issued
	retried []time.Time // refreshes after the grace time, in the last day

	delayed []repository.RefreshRequest // calls that were sent and have not arrived
}

// machine is a world in which rapid runs random actions.
type machine struct {
	*apptest.World
	calls    *holding
	user     string
	userID   string
	sessions map[string]*modelSession // by session ID
}

// TestRefresh_HonestClientsStayAndReplaysAreDetected tests I1, I3 to I7 and I9 with a state
// machine: honest clients with lost answers and parallel tabs, an attacker who replays superseded
// tokens, logouts, and a clock that is set.
func TestRefresh_HonestClientsStayAndReplaysAreDetected(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		calls := &holding{Sessions: store.Sessions}
		store.Sessions = calls
		w := apptest.NewWorld(t, store, apptest.Standard)
		var users atomic.Int64
		rapid.Check(t, func(rt *rapid.T) {
			name := fmt.Sprint("user", users.Add(1))
			m := &machine{World: w, calls: calls, user: name, userID: w.User(rt, name), sessions: map[string]*modelSession{}}
			m.logIn(rt)
			m.logIn(rt)
			rt.Repeat(map[string]func(*rapid.T){
				"":                      m.check,
				"log in":                m.logIn,
				"refresh":               func(rt *rapid.T) { m.present(rt, false, 1) },
				"refresh, answer lost":  func(rt *rapid.T) { m.present(rt, true, 1) },
				"a call is held":        m.hold,
				"a held call arrives":   m.arrive,
				"refresh in three tabs": func(rt *rapid.T) { m.present(rt, false, 3) },
				"a moment passes":       func(rt *rapid.T) { m.Pass(time.Duration(rapid.IntRange(0, 9999).Draw(rt, "ms")) * time.Millisecond) },
				"time passes":           func(rt *rapid.T) { m.Pass(time.Duration(rapid.IntRange(11, 40000).Draw(rt, "s")) * time.Second) },
				"the clock goes back":   func(rt *rapid.T) { m.Pass(-time.Duration(rapid.IntRange(1, 9).Draw(rt, "s")) * time.Second) },
				"a thief replays":       m.replay,
				"a stranger presents":   m.mismatch,
				"log out":               m.logOut,
				"log in, ending all":    m.endOthers,
			})
		})
	})
}

func (m *machine) pick(rt *rapid.T, which func(*modelSession) bool) *modelSession {
	var ids []string
	for id, s := range m.sessions {
		if which(s) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		rt.Skip("no such session")
	}
	slices.Sort(ids)
	return m.sessions[rapid.SampledFrom(ids).Draw(rt, "session")]
}

func live(s *modelSession) bool { return !s.over }

func (m *machine) logIn(rt *rapid.T) {
	if len(m.sessions) > 5 {
		rt.Skip("enough sessions")
	}
	token := m.Begin(rt, m.user)
	c := apptest.Read(rt, token)
	m.sessions[c.SID] = &modelSession{first: c, held: token}
}

// present refreshes as an honest client does: one refresh at a time, in parallel in the given
// number of tabs. No rule refuses it within the budget of late retries, which this client respects.
func (m *machine) present(rt *rapid.T, lose bool, tabs int) {
	s := m.pick(rt, live)
	now := m.Now()
	if s.lost && now.Sub(s.lostAt) >= apptest.Grace {
		s.retried = slices.DeleteFunc(s.retried, func(at time.Time) bool { return now.Sub(at) >= repository.RecoveryWindow })
		if len(s.retried) >= repository.MaxRecoveries || now.Sub(s.lostAt) >= apptest.Recovery {
			rt.Skip("over the budget")
		}
		s.retried = append(s.retried, now)
	}
	grants := make([]session.TokenSet, tabs)
	errs := make([]error, tabs)
	var all sync.WaitGroup
	for i := range tabs {
		all.Go(func() { grants[i], errs[i] = m.Refresh(s.held) })
	}
	all.Wait()
	if !slices.ContainsFunc(errs, func(err error) bool { return apptest.Code(err) != service.CodeStoreUnavailable }) {
		return // the client is asked to retry with the same token
	}
	for i, err := range errs {
		if err != nil {
			rt.Fatalf("an honest client is refused: %v (tab %d of %d)", err, i, tabs)
		}
	}
	before := apptest.Read(rt, s.held)
	for _, g := range grants {
		c := apptest.Read(rt, g.Refresh)
		if c.JTI != apptest.Read(rt, grants[0].Refresh).JTI && g.Outcome != repository.OutcomeKept {
			rt.Fatalf("tabs got different tokens")
		}
		m.same(rt, s, c)
		if c.Gen < before.Gen {
			rt.Fatalf("the generation fell from %d to %d", before.Gen, c.Gen)
		}
	}
	if grants[0].RefreshChanged && (!s.lost || grants[0].Outcome == repository.OutcomeRecovered || grants[0].Outcome == repository.OutcomeRotated) {
		s.lostAt = now
	}
	if lose {
		if grants[0].RefreshChanged {
			s.lost = true
		}
		return
	}
	if grants[0].RefreshChanged {
		s.spent = append(s.spent, s.held)
		s.held = grants[0].Refresh
	}
	s.lost = false
}

// hold refreshes with a call that is held on its way to the store: the client is asked to retry.
func (m *machine) hold(rt *rapid.T) {
	s := m.pick(rt, func(s *modelSession) bool { return live(s) && len(s.delayed) < 3 })
	m.calls.hold = true
	_, err := m.Refresh(s.held)
	m.calls.hold = false
	if apptest.Code(err) != service.CodeStoreUnavailable {
		rt.Fatalf("a call that is held: %v", err)
	}
	s.delayed = append(s.delayed, *m.calls.held)
}

// arrive lets a held call reach the store, after later calls of the same client. No client receives
// its answer, and it must end no session.
func (m *machine) arrive(rt *rapid.T) {
	s := m.pick(rt, func(s *modelSession) bool { return live(s) && len(s.delayed) > 0 })
	i := rapid.IntRange(0, len(s.delayed)-1).Draw(rt, "call")
	p := s.delayed[i]
	s.delayed = slices.Delete(s.delayed, i, i+1)
	got, err := m.calls.RefreshSession(context.Background(), p)
	apptest.Must(rt, err)
	if got.Outcome == repository.OutcomeReuse {
		rt.Fatalf("a call that was held ends the session of an honest client")
	}
	if got.Outcome == repository.OutcomeRotated && !s.lost {
		s.lost, s.lostAt = true, got.RotatedAt
	}
}

// same tests I6: the initial values of a session never change.
func (m *machine) same(rt *rapid.T, s *modelSession, c apptest.Claims) {
	if c.Sub != s.first.Sub || c.SID != s.first.SID || c.Exp != s.first.Exp || c.ClientID != s.first.ClientID {
		rt.Fatalf("a session changed from %+v to %+v", s.first, c)
	}
}

// replay sends a token that is at least two generations old, as an attacker does: the session ends,
// with one audit record.
func (m *machine) replay(rt *rapid.T) {
	s := m.pick(rt, func(s *modelSession) bool { return live(s) && len(s.spent) > 1 && !s.lost })
	token := rapid.SampledFrom(s.spent[:len(s.spent)-1]).Draw(rt, "token")
	stored, err := m.Store.Sessions.FindSession(context.Background(), m.userID, s.first.SID)
	apptest.Must(rt, err)
	_, err = m.Refresh(token)
	if m.Now().Before(stored.RotatedAt) { // the clock was set back: the call may be older
		if apptest.Code(err) != service.CodeStoreUnavailable {
			rt.Fatalf("a spent token, before the rotation: %v", err)
		}
		return
	}
	if apptest.Code(err) != service.CodeRefreshReused {
		rt.Fatalf("a spent token: %v", err)
	}
	s.over = true
	if _, err := m.Refresh(token); apptest.Code(err) != service.CodeSessionRevoked {
		rt.Fatalf("the same once more: %v", err)
	}
	if n := m.Reuses(rt, s.first); n != 1 {
		rt.Fatalf("%d audit records of one reuse", n)
	}
}

// mismatch sends a token for another client, or with another user's ID: it is refused, and no
// session ends.
func (m *machine) mismatch(rt *rapid.T) {
	s := m.pick(rt, live)
	p := session.RefreshRequest{Token: s.held, Delivery: session.DeliveryBody, Client: session.ClientPolicy{ClientID: token.ClientAPI}, UserID: "somebody"}
	if rapid.Bool().Draw(rt, "client") {
		p.UserID, p.Client.ClientID = "", "another"
	}
	if _, err := m.Sessions.Refresh(context.Background(), p); apptest.Code(err) != service.CodeRefreshInvalid {
		rt.Fatalf("a stranger: %v", err)
	}
}

func (m *machine) logOut(rt *rapid.T) {
	s := m.pick(rt, live)
	raw := rapid.SampledFrom(append(slices.Clone(s.spent), s.held)).Draw(rt, "token")
	_, err := m.Sessions.Logout(context.Background(), []token.Raw{raw}, "", audit.Origin{})
	apptest.Must(rt, err)
	s.over = true
}

// endOthers logs in and revokes all other sessions.
func (m *machine) endOthers(rt *rapid.T) {
	token := m.Begin(rt, m.user)
	c := apptest.Read(rt, token)
	for _, s := range m.sessions {
		s.over = true
	}
	m.sessions[c.SID] = &modelSession{first: c, held: token}
	apptest.Must(rt, m.RevokeOthers(c))
}

// check tests the invariants after every step. I3: an ended session stays ended. I1: the store and
// the client of each session agree on one live token.
func (m *machine) check(rt *rapid.T) {
	for id, s := range m.sessions {
		stored, err := m.Store.Sessions.FindSession(context.Background(), m.userID, id)
		apptest.Must(rt, err)
		if s.over {
			for _, token := range append(slices.Clone(s.spent), s.held) {
				if g, err := m.Refresh(token); err == nil {
					rt.Fatalf("a token of a session that is over was honoured: %s", g.Outcome)
				}
			}
			delete(m.sessions, id)
			continue
		}
		c := apptest.Read(rt, s.held)
		if !s.lost && (stored.Gen != c.Gen || string(stored.JTI) != c.JTI) {
			rt.Fatalf("the client has generation %d, the store %d", c.Gen, stored.Gen)
		}
		if stored.AbsoluteAt.Unix() != s.first.Exp || stored.Ended != "" {
			rt.Fatalf("the store has %+v", stored)
		}
	}
}
