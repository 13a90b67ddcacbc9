package session_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/apptest"
	"latchkey/internal/await"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/redis"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/session"
	"latchkey/service/token"
)

// openRedis opens a session store with a new Postgres database.
func openRedis(t *testing.T, url string, mode redis.Mode) (repository.Store, *redis.DB) {
	t.Helper()
	store := testserver.PostgresRedisStore(t)
	return store, useRedis(t, &store, url, mode)
}

func useRedis(t *testing.T, store *repository.Store, url string, mode redis.Mode) *redis.DB {
	t.Helper()
	rd, err := redis.Open(url, redis.Options{Mode: mode})
	apptest.Must(t, err)
	t.Cleanup(func() { _ = rd.Close() })
	store.Sessions, store.SessionStore = rd, rd
	return rd
}

// crowd is a set of honest clients, each with a session of its own user.
type crowd struct {
	*apptest.World
	tokens []token.Raw
	waits  atomic.Int64 // answers that asked the client to retry
}

func newCrowd(t *testing.T, w *apptest.World, n int) *crowd {
	t.Helper()
	c := &crowd{World: w}
	for i := range n {
		name := fmt.Sprint("user", i)
		w.User(t, name)
		c.tokens = append(c.tokens, w.Begin(t, name))
	}
	return c
}

// round makes every client refresh once, in parallel, and retry while the store is unavailable. It
// returns the refusals.
func (c *crowd) round(t *testing.T) (refused []error) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range c.tokens {
		all.Go(func() {
			var g session.TokenSet
			var err error
			await.Poll(20*time.Second, func() bool {
				if g, err = c.Refresh(c.tokens[i]); apptest.Code(err) == service.CodeStoreUnavailable {
					c.waits.Add(1)
					return false
				}
				return true
			})
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				refused = append(refused, fmt.Errorf("client %d: %w", i, err))
				return
			}
			c.tokens[i] = g.Refresh
		})
	}
	all.Wait()
	return refused
}

// TestRefresh_ClusterFailoverAndReshardingKeepSessions uses three primaries and three replicas. A
// failover and a migration of slots happen while 60 clients refresh.
func TestRefresh_ClusterFailoverAndReshardingKeepSessions(t *testing.T) {
	cluster := testserver.StartCluster(t)
	store, rd := openRedis(t, cluster.URL, redis.Cluster)
	apptest.Must(t, rd.Ping(t.Context()))
	c := newCrowd(t, apptest.NewWorld(t, store, apptest.Standard), 60)
	var keys []string
	for _, token := range c.tokens {
		keys = append(keys, "latchkey:rt:{"+apptest.Read(t, token).Sub+"}")
	}
	var moved int
	const rounds = 30
	for round := range rounds {
		c.Pass(30 * time.Second)
		var beside sync.WaitGroup
		beside.Go(func() {
			switch round {
			case 5, 15:
				cluster.Takeover(t, round%3)
			case 10, 20:
				for _, slot := range cluster.Slots(t, 1, keys) {
					moved += cluster.MoveSlot(t, slot, 1, 0)
				}
			}
		})
		for _, err := range c.round(t) {
			t.Errorf("round %d: %v", round, err)
		}
		beside.Wait()
	}
	t.Logf("%d refreshes, 2 takeovers, %d keys moved, %d answers asked to come again; outcomes %v",
		rounds*len(c.tokens), moved, c.waits.Load(), c.Sessions.Counts())
	if moved == 0 {
		t.Error("no key was moved")
	}
}

// TestFailover_LostWritesLoseNoSessionAndNoRevocation continues with a replica that did not receive
// the last writes to its primary.
func TestFailover_LostWritesLoseNoSessionAndNoRevocation(t *testing.T) {
	pair := testserver.StartPair(t)
	store, _ := openRedis(t, pair.Primary.URL, redis.Standalone)
	before := apptest.NewWorld(t, store, apptest.Standard)
	c := newCrowd(t, before, 20)
	pair.InStep(t)
	pair.Detach(t)

	for range 5 { // five refreshes each, which the replica does not receive
		c.Pass(30 * time.Second)
		for _, err := range c.round(t) {
			t.Fatal(err)
		}
	}
	loggedOut, ended, changed := c.tokens[1], c.tokens[2], c.tokens[3]
	_, err := before.Sessions.Logout(t.Context(), []token.Raw{loggedOut}, "", audit.Origin{})
	apptest.Must(t, err)
	apptest.Must(t, before.Sessions.RevokeAll(t.Context(), apptest.Read(t, ended).Sub, account.Caller{}, audit.Origin{}))
	apptest.Disable(t, before.Directory, apptest.Read(t, changed).Sub, true)
	apptest.Disable(t, before.Directory, apptest.Read(t, changed).Sub, false)
	unseen := before.Begin(t, "user4")
	c.Pass(30 * time.Second)
	reused := c.tokens[5]
	c.tokens[5] = refreshed(t, before, reused)
	c.Pass(30 * time.Second)
	c.tokens[5] = refreshed(t, before, c.tokens[5])
	c.Pass(30 * time.Second)
	if _, err := before.Refresh(reused); apptest.Code(err) != service.CodeRefreshReused {
		t.Fatalf("a spent token: %v", err)
	}
	pair.Primary.Kill()

	useRedis(t, &store, pair.Replica.URL, redis.Standalone)
	after := apptest.NewWorld(t, store, apptest.Standard)
	after.Pass(before.Now().Sub(after.Now()))
	for name, token := range map[string]token.Raw{"logged out": loggedOut, "ended": ended, "disabled": changed, "reused": c.tokens[5]} {
		if g, err := after.Refresh(token); err == nil {
			t.Errorf("%s before the failover, honoured after it: %s", name, g.Outcome)
		}
	}
	if _, err := after.Refresh(unseen); apptest.Code(err) != service.CodeRefreshInvalid {
		t.Errorf("a login that the replica never saw: %v", err)
	}
	lost := 0
	for i, token := range c.tokens {
		if i == 1 || i == 2 || i == 3 || i == 5 {
			continue
		}
		if _, err := after.Refresh(token); err != nil {
			t.Logf("client %d: %v", i, err)
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d sessions lost whose login had reached the replica", lost)
	}
	t.Logf("outcomes after the failover: %v", after.Sessions.Counts())
	if n := after.Sessions.Counts()[repository.OutcomeRolledForward]; n != 16 {
		t.Errorf("%d rolled forward, want 16", n)
	}
}

func refreshed(t *testing.T, w *apptest.World, token token.Raw) token.Raw {
	t.Helper()
	g, err := w.Refresh(token)
	apptest.Must(t, err)
	return g.Refresh
}

// TestRefresh_SentinelFailoverUnderLoad kills the primary while 30 clients
// refresh.
func TestRefresh_SentinelFailoverUnderLoad(t *testing.T) {
	pair := testserver.StartPair(t)
	pair.StartSentinel(t)
	store, rd := openRedis(t, pair.SentinelURL, redis.Sentinel)
	apptest.Must(t, rd.Ping(t.Context()))
	c := newCrowd(t, apptest.NewWorld(t, store, apptest.Standard), 30)
	_, err := c.Sessions.Logout(context.Background(), []token.Raw{c.tokens[0]}, "", audit.Origin{})
	apptest.Must(t, err)
	out := c.tokens[0]
	c.tokens = c.tokens[1:]
	pair.InStep(t)
	for round := range 12 {
		c.Pass(30 * time.Second)
		if round == 4 {
			pair.Primary.Kill()
		}
		for _, err := range c.round(t) {
			t.Errorf("round %d: %v", round, err)
		}
	}
	if _, err := c.Refresh(out); apptest.Code(err) != service.CodeSessionRevoked {
		t.Errorf("logged out before the failover: %v", err)
	}
	t.Logf("%d refreshes, %d answers asked to come again; outcomes %v", 12*len(c.tokens), c.waits.Load(), c.Sessions.Counts())
}
