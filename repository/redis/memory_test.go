package redis_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	driver "github.com/redis/go-redis/v9"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/redis"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// TestMemory_OfASession creates 100,000 refreshed sessions and measures the memory
// that Redis uses for each.
func TestMemory_OfASession(t *testing.T) {
	const sessions, callers, most = 100_000, 16, 600
	server := testserver.StartRedis(t)
	db, err := redis.Open(server.URL, redis.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	options, err := driver.ParseURL(server.URL)
	must(t, err)
	client := driver.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	before := used(t, client)

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range sessions / callers {
				s := repository.Session{
					ID: newID(), UserID: newID(), Gen: 4711, JTI: "QYkNFL0HSgdTQgXaUHRIIA", PrevGen: 4710, PrevJTI: "rDAGrol3bCUWb8ImPaHSMg",
					RotatedAt: now, OperationID: "3bCUWb8ImPaHSMgrDAGrol", Seen: true, IdleAt: now.Add(time.Hour), AbsoluteAt: now.Add(24 * time.Hour),
					Epoch: 3, ClientID: "latchkey", Delivery: repository.DeliveryHostCookie, AMR: "pwd", AuthTime: now, Graced: 1,
					CreatedAt: now, UsedAt: now, Address: "2001:db8:85a3::8a2e:370:7334", Agent: "Samsung Internet on Android",
				}
				if _, err := db.CreateSession(context.Background(), s, repository.Limit{Sessions: 50}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	whole := (used(t, client) - before) / sessions
	var key, index int64
	for k, to := range map[string]*int64{"latchkey:rt:{*}:*": &key, "latchkey:rt:{*}": &index} {
		var scanned []string
		iter := client.Scan(t.Context(), 0, k, 1000).Iterator()
		for iter.Next(t.Context()) && len(scanned) < 50 {
			scanned = append(scanned, iter.Val())
		}
		for _, name := range scanned {
			n, err := client.MemoryUsage(t.Context(), name).Result()
			must(t, err)
			*to = max(*to, n)
		}
	}
	t.Logf("%d sessions of as many users: %d bytes each by MEMORY USAGE, %d more for its user's index, %d with all that Redis needs",
		sessions, key, index, whole)
	if key > most {
		t.Errorf("%d bytes a session, want %d or fewer", key, most)
	}
}

func used(t *testing.T, client *driver.Client) int64 {
	t.Helper()
	info, err := client.InfoMap(t.Context(), "memory").Result()
	must(t, err)
	var n int64
	_, err = fmt.Sscan(info["Memory"]["used_memory"], &n)
	must(t, err)
	return n
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the store on a temporary prefix of the test server, and a client that reads its
// keys.
func open(t *testing.T) (db *redis.DB, client *driver.Client, prefix string) {
	t.Helper()
	url, prefix := testserver.Redis(t)
	db, err := redis.Open(url, redis.Options{Prefix: prefix})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	options, err := driver.ParseURL(url)
	must(t, err)
	client = driver.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return db, client, prefix
}

// TestMemory_OfATombstone revokes sessions in each way, and measures the
// memory and TTL of the tombstones.
func TestMemory_OfATombstone(t *testing.T) {
	db, client, prefix := open(t)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ending := func(s repository.Session) repository.Ending {
		return repository.Ending{UserID: s.UserID, SessionID: s.ID, Reason: repository.EndPassword, Epoch: 4, OperationID: "3bCUWb8ImPaHSMgrDAGrol", Now: now}
	}
	end := func(t *testing.T, s repository.Session) {
		_, err := db.EndSession(t.Context(), ending(s))
		must(t, err)
	}
	reuse := func(t *testing.T, s repository.Session) {
		got, err := db.RefreshSession(t.Context(), repository.RefreshRequest{
			RefreshToken: repository.RefreshToken{UserID: s.UserID, SessionID: s.ID, Gen: 7, JTI: "spent"},
			ClientID:     s.ClientID, Delivery: s.Delivery, Epoch: s.Epoch, OperationID: "3bCUWb8ImPaHSMgrDAGrol",
			Now: now.Add(time.Minute),
		})
		must(t, err)
		if got.Outcome != repository.OutcomeReuse {
			t.Fatalf("%+v", got)
		}
	}
	for name, c := range map[string]struct {
		end func(*testing.T, repository.Session)
		ttl time.Duration
	}{
		"ended": {end, time.Hour},
		"with others": {func(t *testing.T, s repository.Session) {
			e := ending(s)
			e.SessionID = ""
			must(t, db.EndOtherSessions(t.Context(), e))
		}, 25 * time.Hour},
		"reused":       {reuse, 25 * time.Hour}, // until the database has the revocation
		"reused, then": {func(t *testing.T, s repository.Session) { reuse(t, s); end(t, s) }, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s := repository.Session{
				ID: newID(), UserID: newID(), Gen: 4711, JTI: "QYkNFL0HSgdTQgXaUHRIIA", PrevGen: 4710, PrevJTI: "rDAGrol3bCUWb8ImPaHSMg",
				RotatedAt: now, OperationID: "3bCUWb8ImPaHSMgrDAGrol", Seen: true, IdleAt: now.Add(time.Hour), AbsoluteAt: now.Add(24 * time.Hour),
				Epoch: 3, ClientID: "latchkey", Delivery: repository.DeliveryHostCookie, AMR: "pwd", AuthTime: now, Graced: 1,
				CreatedAt: now, UsedAt: now, Address: "2001:db8:85a3::8a2e:370:7334", Agent: "Samsung Internet on Android",
			}
			_, err := db.CreateSession(t.Context(), s, repository.Limit{Sessions: 50})
			must(t, err)
			c.end(t, s)
			key := fmt.Sprintf("%srt:{%s}:%s", prefix, s.UserID, s.ID)
			bytes, err := client.MemoryUsage(t.Context(), key).Result()
			must(t, err)
			ttl, err := client.PTTL(t.Context(), key).Result()
			must(t, err)
			t.Logf("%d bytes, for %s", bytes, ttl)
			if bytes > 300 || ttl <= 0 || ttl > c.ttl {
				t.Errorf("%d bytes for %s, want at most 300 for %s", bytes, ttl, c.ttl)
			}
		})
	}
}
