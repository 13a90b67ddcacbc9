package service_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/redis"
	"latchkey/service"
)

// openRedis opens a session store beside a fresh Postgres.
func openRedis(t *testing.T, url string, mode redis.Mode) (repository.Store, *redis.DB) {
	t.Helper()
	store := testserver.PostgresRedisStore(t)
	return store, useRedis(t, &store, url, mode)
}

func useRedis(t *testing.T, store *repository.Store, url string, mode redis.Mode) *redis.DB {
	t.Helper()
	rd, err := redis.Open(url, redis.Options{Mode: mode})
	must(t, err)
	t.Cleanup(func() { _ = rd.Close() })
	store.Sessions, store.SessionStore = rd, rd
	return rd
}

// crowd is many honest clients, each with a session of a user of its own.
type crowd struct {
	*world
	tokens []service.RawToken
	waits  atomic.Int64 // answers that asked to come again
}

func newCrowd(t *testing.T, w *world, n int) *crowd {
	t.Helper()
	c := &crowd{world: w}
	for i := range n {
		name := fmt.Sprint("user", i)
		w.user(t, name)
		c.tokens = append(c.tokens, w.begin(t, name))
	}
	return c
}

// round has every client refresh once, at once, and again as long as the store
// is away. It returns who was refused.
func (c *crowd) round(t *testing.T) (refused []error) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range c.tokens {
		all.Go(func() {
			deadline := time.Now().Add(20 * time.Second)
			for {
				g, err := c.refresh(c.tokens[i])
				switch {
				case err == nil:
					c.tokens[i] = g.Refresh
					return
				case code(err) != service.CodeStoreUnavailable || time.Now().After(deadline):
					mu.Lock()
					refused = append(refused, fmt.Errorf("client %d: %w", i, err))
					mu.Unlock()
					return
				}
				c.waits.Add(1)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	all.Wait()
	return refused
}

// TestAClusterFailsOverAndIsReshardedUnderLoad runs on three primaries and three
// replicas: a takeover and moved slots while 60 clients refresh.
func TestAClusterFailsOverAndIsReshardedUnderLoad(t *testing.T) {
	cluster := testserver.StartCluster(t)
	store, rd := openRedis(t, cluster.URL, redis.Cluster)
	must(t, rd.Ping(t.Context()))
	c := newCrowd(t, newWorld(t, store, standard), 60)
	var keys []string
	for _, token := range c.tokens {
		keys = append(keys, "latchkey:rt:{"+read(t, token).Sub+"}")
	}
	var moved int
	const rounds = 30
	for round := range rounds {
		c.pass(30 * time.Second)
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
		rounds*len(c.tokens), moved, c.waits.Load(), c.sessions.Counts())
	if moved == 0 {
		t.Error("no key was moved")
	}
}

// TestLostWritesLoseNoSessionAndUndoNoRevocation goes on with a replica that
// never heard of the last writes to its primary.
func TestLostWritesLoseNoSessionAndUndoNoRevocation(t *testing.T) {
	pair := testserver.StartPair(t)
	store, _ := openRedis(t, pair.Primary.URL, redis.Standalone)
	before := newWorld(t, store, standard)
	c := newCrowd(t, before, 20)
	pair.InStep(t)
	pair.Detach(t)

	for range 5 { // five refreshes each, which the replica never hears of
		c.pass(30 * time.Second)
		for _, err := range c.round(t) {
			t.Fatal(err)
		}
	}
	loggedOut, ended, changed := c.tokens[1], c.tokens[2], c.tokens[3]
	_, err := before.sessions.Logout(t.Context(), []service.RawToken{loggedOut}, "", service.Origin{})
	must(t, err)
	must(t, before.sessions.EndAllOf(t.Context(), read(t, ended).Sub, service.Origin{}))
	must(t, before.sessions.Disable(t.Context(), read(t, changed).Sub, true, service.Origin{}))
	must(t, before.sessions.Disable(t.Context(), read(t, changed).Sub, false, service.Origin{}))
	unseen := before.begin(t, "user4")
	c.pass(30 * time.Second)
	reused := c.tokens[5]
	c.tokens[5] = refreshed(t, before, reused)
	c.pass(30 * time.Second)
	c.tokens[5] = refreshed(t, before, c.tokens[5])
	c.pass(30 * time.Second)
	if _, err := before.refresh(reused); code(err) != service.CodeRefreshReused {
		t.Fatalf("a spent token: %v", err)
	}
	pair.Primary.Kill()

	useRedis(t, &store, pair.Replica.URL, redis.Standalone)
	after := newWorld(t, store, standard)
	after.pass(before.clock().Sub(after.clock()))
	for name, token := range map[string]service.RawToken{"logged out": loggedOut, "ended": ended, "disabled": changed, "reused": c.tokens[5]} {
		if g, err := after.refresh(token); err == nil {
			t.Errorf("%s before the failover, honoured after it: %s", name, g.Outcome)
		}
	}
	if _, err := after.refresh(unseen); code(err) != service.CodeRefreshInvalid {
		t.Errorf("a login that the replica never saw: %v", err)
	}
	lost := 0
	for i, token := range c.tokens {
		if i == 1 || i == 2 || i == 3 || i == 5 {
			continue
		}
		if _, err := after.refresh(token); err != nil {
			t.Logf("client %d: %v", i, err)
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d sessions lost whose login had reached the replica", lost)
	}
	t.Logf("outcomes after the failover: %v", after.sessions.Counts())
	if n := after.sessions.Counts()[repository.OutcomeRolledForward]; n != 16 {
		t.Errorf("%d rolled forward, want 16", n)
	}
}

func refreshed(t *testing.T, w *world, token service.RawToken) service.RawToken {
	t.Helper()
	g, err := w.refresh(token)
	must(t, err)
	return g.Refresh
}

// TestASentinelReplacesThePrimaryUnderLoad kills the primary while 30 clients
// refresh.
func TestASentinelReplacesThePrimaryUnderLoad(t *testing.T) {
	pair := testserver.StartPair(t)
	pair.StartSentinel(t)
	store, rd := openRedis(t, pair.SentinelURL, redis.Sentinel)
	must(t, rd.Ping(t.Context()))
	c := newCrowd(t, newWorld(t, store, standard), 30)
	_, err := c.sessions.Logout(context.Background(), []service.RawToken{c.tokens[0]}, "", service.Origin{})
	must(t, err)
	out := c.tokens[0]
	c.tokens = c.tokens[1:]
	pair.InStep(t)
	for round := range 12 {
		c.pass(30 * time.Second)
		if round == 4 {
			pair.Primary.Kill()
		}
		for _, err := range c.round(t) {
			t.Errorf("round %d: %v", round, err)
		}
	}
	if _, err := c.refresh(out); code(err) != service.CodeSessionRevoked {
		t.Errorf("logged out before the failover: %v", err)
	}
	t.Logf("%d refreshes, %d answers asked to come again; outcomes %v", 12*len(c.tokens), c.waits.Load(), c.sessions.Counts())
}
