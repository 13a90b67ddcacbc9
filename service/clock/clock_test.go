package clock_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/health"
	"latchkey/service/login"
	"latchkey/service/password"
	"latchkey/service/retention"
	"latchkey/service/token"
)

// skew is a clock with an offset that a test changes.
type skew struct{ off atomic.Int64 }

func (s *skew) set(off time.Duration) { s.off.Store(int64(off)) }

func (s *skew) now() time.Time { return time.Now().Round(0).Add(time.Duration(s.off.Load())) }

// serverClock is the clock of a real database server, with an offset that a test changes.
type serverClock struct {
	repository.Clock
	skew
}

func (s *serverClock) Now(ctx context.Context) (time.Time, error) {
	now, err := s.Clock.Now(ctx)
	return now.Add(time.Duration(s.off.Load())), err
}

func TestLimit_FollowsTheGrace(t *testing.T) {
	for grace, want := range map[time.Duration]time.Duration{
		0: 30 * time.Second, time.Second: 2 * time.Second, 10 * time.Second: 5 * time.Second, time.Hour: 30 * time.Second,
	} {
		if got := clock.Limit(grace); got != want {
			t.Errorf("grace %s: %s, want %s", grace, got, want)
		}
	}
}

// TestClock_BadClockMakesAReplicaUnavailable tests a replica whose clock differs from the
// database's: it is not ready and refuses logins and refreshes.
func TestClock_BadClockMakesAReplicaUnavailable(t *testing.T) {
	for off, good := range map[time.Duration]bool{
		0: true, 4 * time.Second: true, -4 * time.Second: true,
		6 * time.Second: false, -6 * time.Second: false, -70 * time.Second: false, 400 * apptest.Day: false, -400 * apptest.Day: false,
	} {
		t.Run(off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a measurement takes no time
				store := testserver.SQLiteStore(t)
				store.Clock = databaseClock{}
				wall := &skew{}
				wall.set(off)
				clock := clock.New(store.Clock, store.TimeMark, apptest.Grace, wall.now, apptest.Discard())
				clock.Start(t.Context())
				w := apptest.NewWorldBy(t, store, apptest.Standard, clock)
				ahead, bad, why := clock.State()
				if bad == good || good != (why == nil) || (ahead-off).Abs() > time.Second {
					t.Errorf("bad: %v, %v, ahead by %s", bad, why, ahead)
				}
				if state := health.New(store, "test", clock).Check(t.Context()); state.Ready() != good {
					t.Errorf("ready: %v", state.Ready())
				}
				if good {
					return
				}
				_, login := w.Login.Login(t.Context(), login.Credentials{Username: "ada", Password: password.New("correct horse")})
				_, refresh := w.Refresh("a.b.c")
				for name, err := range map[string]error{"login": login, "refresh": refresh} {
					if e := service.AsError(err); e.Code != service.CodeStoreUnavailable || e.RetryAfter == 0 || e.SessionOver {
						t.Errorf("%s: %v", name, err)
					}
				}
				wall.set(0)
				clock.Start(t.Context())
				if err := clock.Err(); err != nil {
					t.Errorf("once the clock is set: %v", err)
				}
			})
		})
	}
}

// databaseClock is the clock of a database with the right time.
type databaseClock struct{}

func (databaseClock) Now(context.Context) (time.Time, error) { return time.Now().UTC(), nil }

// TestClock_DatabaseTimeJumpIsTheDatabasesFault tests a database server whose clock was set, or
// that was replaced by another server: the replicas stay ready and delete nothing.
func TestClock_DatabaseTimeJumpIsTheDatabasesFault(t *testing.T) {
	store := testserver.PostgresRedisStore(t)
	server := &serverClock{Clock: store.Clock}
	store.Clock = server
	wall := &skew{}
	clock := clock.New(store.Clock, store.TimeMark, apptest.Grace, wall.now, apptest.Discard())
	clock.Start(t.Context())
	for _, off := range []time.Duration{400 * apptest.Day, -400 * apptest.Day, time.Hour, -time.Hour} {
		server.set(off)
		for range 5 {
			clock.Start(t.Context())
		}
		if err := clock.Err(); err != nil {
			t.Errorf("the database %s: %v", off, err)
		}
		if _, err := clock.Deletable(t.Context()); err == nil {
			t.Errorf("the database %s: it would delete", off)
		}
	}
	server.set(0)
	if _, err := clock.Deletable(t.Context()); err != nil {
		t.Errorf("once its clock is set: %v", err)
	}
	wall.set(time.Hour) // our clock follows the database's
	clock.Start(t.Context())
	if clock.Err() == nil {
		t.Error("our own clock jumped, and is not bad")
	}
}

// TestPurge_WrongClockDeletesNothing starts and runs purges with wrong clocks. Audit records,
// revocations, sessions and codes stay, and a session that was logged out stays revoked.
func TestPurge_WrongClockDeletesNothing(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		wall := &skew{}
		at := clock.New(store.Clock, store.TimeMark, apptest.Grace, wall.now, apptest.Discard())
		at.Start(t.Context())
		w := apptest.NewWorldBy(t, store, apptest.Standard, at)
		id := w.User(t, "ada")
		live, out := w.Begin(t, "ada"), w.Begin(t, "ada")
		_, err := w.Sessions.Logout(t.Context(), []token.Raw{out}, "", audit.Origin{})
		apptest.Must(t, err)
		count := func() (audits, revoked, sessions int) {
			a, err := store.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: id, Limit: 100})
			apptest.Must(t, err)
			r, err := store.Revocations.ListRevoked(t.Context(), id)
			apptest.Must(t, err)
			s, err := store.Sessions.ListSessions(t.Context(), id)
			apptest.Must(t, err)
			return len(a), len(r), len(s)
		}
		audits, revoked, sessions := count()
		for _, off := range []time.Duration{time.Hour, -time.Hour, 31 * apptest.Day, -31 * apptest.Day, 400 * apptest.Day, -400 * apptest.Day} {
			for name, start := range map[string]time.Duration{"at start": off, "while running": 0} {
				wall.set(start)
				late := clock.New(store.Clock, store.TimeMark, apptest.Grace, wall.now, apptest.Discard())
				late.Start(t.Context())
				wall.set(off)
				by := apptest.NewWorldBy(t, store, apptest.Standard, late)
				purged, _ := by.Retention.Purge(t.Context(), 365*apptest.Day)
				if purged != (retention.Purged{}) {
					t.Errorf("%s, %s: deleted %+v", off, name, purged)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				by.Retention.Run(ctx, 365*apptest.Day)
				cancel()
			}
		}
		wall.set(0)
		if a, r, s := count(); a != audits || r != revoked || s != sessions {
			t.Errorf("%d, %d, %d are left of %d audit records, %d revocations, %d sessions", a, r, s, audits, revoked, sessions)
		}
		if _, err := w.Refresh(live); err != nil {
			t.Errorf("a live session: %v", err)
		}
		if _, err := w.Refresh(out); apptest.Code(err) != service.CodeSessionRevoked {
			t.Errorf("a session that was logged out: %v", err)
		}
	})
}

// TestClock_EmbeddedIsComparedWithTheNewestTime tests a process without a database server: with a
// wrong clock it deletes nothing until the clock is right or an operator accepts it.
func TestClock_EmbeddedIsComparedWithTheNewestTime(t *testing.T) {
	store := testserver.SQLiteStore(t)
	var log strings.Builder
	wall := &skew{}
	start := func(off time.Duration) *clock.Clock {
		wall.set(off)
		clock := clock.New(store.Clock, store.TimeMark, apptest.Grace, wall.now, slog.New(slog.NewTextHandler(&log, nil)))
		clock.Start(t.Context())
		return clock
	}
	start(0)
	for off, trusted := range map[time.Duration]bool{
		time.Minute: true, 23 * time.Hour: true, 25*time.Hour + 23*time.Hour: false, 400 * apptest.Day: false, -time.Minute: false, -400 * apptest.Day: false,
	} {
		apptest.Must(t, store.TimeMark.SetTime(t.Context(), time.Now()))
		clock := start(off)
		_, err := clock.Deletable(t.Context())
		if trusted != (err == nil) || clock.Good() != trusted {
			t.Errorf("%s: %v, good: %v", off, err, clock.Good())
		}
		if err := clock.Err(); err != nil {
			t.Errorf("%s: it refuses to serve: %v", off, err)
		}
		if newest, err := store.TimeMark.NewestTime(t.Context()); err != nil || !trusted && time.Since(newest).Abs() > time.Minute {
			t.Errorf("%s: a clock that is not trusted moved the mark to %s, %v", off, newest, err)
		}
	}
	if !strings.Contains(log.String(), "latchkey clock accept") {
		t.Errorf("the log does not say what to do:\n%s", log.String())
	}
	apptest.Must(t, store.TimeMark.SetTime(t.Context(), time.Now()))
	clock := start(400 * apptest.Day)
	apptest.Must(t, clock.Accept(t.Context()))
	if _, err := clock.Deletable(t.Context()); err != nil {
		t.Errorf("accepted: %v", err)
	}
	clock = start(0)
	if _, err := clock.Deletable(t.Context()); err == nil {
		t.Error("behind a time that was accepted, it would delete")
	}
	apptest.Must(t, clock.Accept(t.Context()))
	if _, err := clock.Deletable(t.Context()); err != nil {
		t.Errorf("accepted, back: %v", err)
	}
}

// TestRefresh_WrongClockDeletesNoSession tests temporary refusals: a browser must keep its cookies
// until the clock is right again.
func TestRefresh_WrongClockDeletesNoSession(t *testing.T) {
	store := testserver.SQLiteStore(t)
	wall := &skew{}
	clock := clock.New(store.Clock, store.TimeMark, apptest.Grace, wall.now, apptest.Discard())
	clock.Start(t.Context())
	w := apptest.NewWorldBy(t, store, apptest.Standard, clock)
	w.User(t, "ada")
	token := w.Begin(t, "ada")
	wall.set(400 * apptest.Day)
	clock.Start(t.Context())
	_, err := w.Refresh(token)
	if e := service.AsError(err); e.Code != service.CodeRefreshExpired || e.SessionOver {
		t.Errorf("%v, session over: %v", err, e.SessionOver)
	}
	wall.set(0)
	if _, err := w.Refresh(token); err != nil {
		t.Errorf("once the clock is right: %v", err)
	}
}

// TestWoken_AfterThePauseOfAProcess tests the ticker, and a call that arrives before the ticker
// notices the pause.
func TestWoken_AfterThePauseOfAProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wall := &skew{}
		clock := clock.New(nil, nil, apptest.Grace, wall.now, apptest.Discard())
		if clock.Woken() {
			t.Error("before it runs")
		}
		go clock.Run(t.Context())
		time.Sleep(50 * time.Millisecond)
		if clock.Woken() {
			t.Error("it has run without a pause")
		}
		clock.StandStillForTest(apptest.Grace + time.Second)
		if !clock.Woken() {
			t.Error("not woken after it stood still")
		}
		time.Sleep(500 * time.Millisecond) // the ticker runs
		if !clock.Woken() {
			t.Error("no longer woken half a second later")
		}
		if clock.LaterForTest(10 * time.Second); clock.Woken() {
			t.Error("woken for ever")
		}
		wall.set(time.Minute) // a virtual machine whose monotonic clock paused too
		time.Sleep(500 * time.Millisecond)
		if !clock.Woken() {
			t.Error("not woken when the wall clock says that it stood still")
		}
	})
}

// TestRefresh_FutureIatIsAccepted tests a replica whose clock is behind the clock of the replica
// that issued the token. The stored session decides.
func TestRefresh_FutureIatIsAccepted(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		w := apptest.NewWorld(t, store, apptest.Standard)
		w.User(t, "ada")
		w.Pass(time.Hour)
		token := w.Begin(t, "ada")
		w.Pass(-time.Hour)
		g, err := w.Refresh(token)
		apptest.Must(t, err)
		if g.Outcome != repository.OutcomeRotated {
			t.Errorf("%s", g.Outcome)
		}
	})
}

// TestVerifyAccess_LeewayOfTheServiceAndOfRemotes tests access tokens past their expiry.
func TestVerifyAccess_LeewayOfTheServiceAndOfRemotes(t *testing.T) {
	now := apptest.Noon
	at := func() time.Time { return now }
	access, _ := apptest.ForgeableKey(t)
	keys := apptest.NewRing(t, testserver.SQLiteStore(t), access, apptest.ClockAt(at))
	ours := token.NewMinter(apptest.NewRoot(t), keys, "https://auth.example", "api", 10*time.Minute, apptest.ClockAt(at))
	theirs := token.NewVerifier(keys, "https://auth.example", "api", token.RemoteLeeway, at)
	raw := apptest.MintAccess(t, ours, token.Subject{UserID: "u", SessionID: "s", ClientID: token.ClientAPI})
	s, err := ours.VerifyAccess(raw)
	apptest.Must(t, err)
	for after, want := range map[time.Duration][2]bool{
		-time.Second: {true, true}, 4 * time.Second: {true, true}, 5 * time.Second: {false, true},
		29 * time.Second: {false, true}, 30 * time.Second: {false, false},
	} {
		now = s.ExpiresAt.Add(after)
		_, own := ours.VerifyAccess(raw)
		_, other := theirs.VerifyAccess(raw)
		if got := [2]bool{own == nil, other == nil}; got != want {
			t.Errorf("%s after its expiry: accepted by us and others %v, want %v", after, got, want)
		}
	}
}

// TestRefresh_UnknownSessionKeepsCookies tests a Redis that lost its data, or the wrong Redis: the
// sessions may return, so the browser keeps its cookies.
func TestRefresh_UnknownSessionKeepsCookies(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		w := apptest.NewWorld(t, store, apptest.Standard)
		id := w.User(t, "ada")
		_, err := w.Refresh(apptest.MintRefresh(t, w.Tokens, id, "01a219bd-3df7-7bbe-9290-a5b6803acb76", 3))
		if e := service.AsError(err); e.Code != service.CodeRefreshInvalid || e.SessionOver {
			t.Errorf("%v, session over: %v", err, e.SessionOver)
		}
	})
}
