package redis_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/redis"
)

// TestScriptFlush_ScriptsAreLoadedAgain flushes the scripts of a server repeatedly, as restarts
// would, during concurrent calls.
func TestScriptFlush_ScriptsAreLoadedAgain(t *testing.T) {
	db, client, _ := open(t)

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for range 5 {
		sessions := make([]repository.Session, 200)
		for i := range sessions {
			sessions[i] = repository.Session{
				ID: newID(), UserID: newID(), JTI: "QYkNFL0HSgdTQgXaUHRIIA", RotatedAt: now, IdleAt: now.Add(time.Hour),
				AbsoluteAt: now.Add(24 * time.Hour), ClientID: "latchkey", Delivery: repository.DeliveryBody, CreatedAt: now, UsedAt: now,
			}
			_, err := db.CreateSession(t.Context(), sessions[i], repository.Limit{Sessions: 5})
			must(t, err)
		}
		var all sync.WaitGroup
		all.Go(func() {
			for range 100 {
				if err := client.ScriptFlush(t.Context()).Err(); err != nil {
					t.Error(err)
				}
			}
		})
		for _, s := range sessions {
			all.Go(func() {
				out, err := db.RefreshSession(t.Context(), repository.RefreshRequest{
					RefreshToken: repository.RefreshToken{UserID: s.UserID, SessionID: s.ID, JTI: s.JTI, IssuedAt: now},
					Next:         "rDAGrol3bCUWb8ImPaHSMg", ClientID: s.ClientID, Delivery: s.Delivery, OperationID: newID(),
					Now: now.Add(time.Second), Rotate: true, IdleTTL: time.Hour,
				})
				if err != nil || out.Outcome != repository.OutcomeRotated {
					t.Errorf("%s, %v", out.Outcome, err)
				}
			})
		}
		all.Wait()
	}
}

// TestCluster_HangingNodeDelaysNoOther suspends one node of a cluster. Calls to the other nodes
// succeed.
func TestCluster_HangingNodeDelaysNoOther(t *testing.T) {
	c := testserver.StartCluster(t)
	db, err := redis.Open(c.URL, redis.Options{Mode: redis.Cluster})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	c.Primary[0].Hang()
	defer c.Primary[0].Resume()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var answered atomic.Int64
	var all sync.WaitGroup
	const calls = 200
	next := time.NewTicker(4 * time.Millisecond)
	defer next.Stop()
	for range calls {
		<-next.C
		all.Go(func() {
			_, err := db.RefreshSession(t.Context(), repository.RefreshRequest{
				RefreshToken: repository.RefreshToken{UserID: newID(), SessionID: newID(), JTI: "QYkNFL0HSgdTQgXaUHRIIA", IssuedAt: now},
				Next:         "rDAGrol3bCUWb8ImPaHSMg", ClientID: "latchkey", Delivery: repository.DeliveryBody, OperationID: newID(),
				Now: now, Rotate: true, IdleTTL: time.Hour,
			})
			if err == nil { // the calls to the suspended node time out
				answered.Add(1)
			}
		})
	}
	all.Wait()
	if n := answered.Load(); n < calls/2 {
		t.Errorf("%d of %d calls were answered; two thirds are of other nodes", n, calls)
	}
}
