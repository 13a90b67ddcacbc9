package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	driver "github.com/redis/go-redis/v9"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/redis"
)

// calls makes one call of each kind: a script in a batch, a script, and a command.
var calls = map[string]func(context.Context, *redis.DB) error{
	"present": func(ctx context.Context, db *redis.DB) error {
		_, err := db.RefreshSession(ctx, repository.RefreshRequest{RefreshToken: repository.RefreshToken{UserID: "u", SessionID: "s"}})
		return err
	},
	"end": func(ctx context.Context, db *redis.DB) error {
		_, err := db.EndSession(ctx, repository.Ending{UserID: "u", SessionID: "s"})
		return err
	},
	"find": func(ctx context.Context, db *redis.DB) error { _, err := db.FindSession(ctx, "u", "s"); return err },
	"list": func(ctx context.Context, db *redis.DB) error { _, err := db.ListSessions(ctx, "u"); return err },
	"limit": func(ctx context.Context, db *redis.DB) error {
		rule := repository.LimitRule{Free: 1, Base: time.Second, Max: time.Second, Forget: time.Minute}
		_, err := db.BeginAttempt(ctx, repository.Attempt{Keys: []repository.LimitKey{{Name: "k", Rule: rule}}, Now: time.Now()})
		return err
	},
}

// TestErrors_ServerFaultsAreUnavailable runs calls against servers with a wrong setup.
// Each call returns ErrUnavailable, and each error says what to do.
func TestErrors_ServerFaultsAreUnavailable(t *testing.T) {
	plain, locked := testserver.StartRedis(t), testserver.StartRedis(t)
	cluster, replica := testserver.StartRedis(t, "--cluster-enabled", "yes"), testserver.StartRedis(t)
	admin := func(s *testserver.RedisServer) *driver.Client {
		c := driver.NewClient(&driver.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.Port)})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	must(t, admin(locked).ConfigSet(t.Context(), "requirepass", "sesame").Err())
	acl := testserver.StartRedis(t)
	must(t, admin(acl).Do(t.Context(), "ACL", "SETUSER", "app", "on", ">sesame", "~*", "+@all", "-hset", "-hget", "-hmget", "-hgetall", "-zrange").Err())
	must(t, admin(replica).Do(t.Context(), "REPLICAOF", "127.0.0.1", fmt.Sprint(plain.Port)).Err())
	full := testserver.StartRedis(t)
	must(t, admin(full).ConfigSet(t.Context(), "maxmemory", "1").Err())
	sentinel := testserver.StartPair(t)
	sentinel.StartSentinel(t)
	at := func(s *testserver.RedisServer, user, path string) string {
		return fmt.Sprintf("redis://%s127.0.0.1:%d%s", user, s.Port, path)
	}
	for name, c := range map[string]struct {
		url   string
		mode  redis.Mode
		fix   string
		some  bool // reads may succeed
		calls []string
	}{
		"no password":                   {url: at(locked, "", ""), fix: "requires a password"},
		"a wrong password":              {url: at(locked, ":wrong@", ""), fix: "rejected the user or the password"},
		"no such database":              {url: at(plain, "", "/99"), fix: "no database with that number"},
		"commands that are denied":      {url: at(acl, "app:sesame@", ""), fix: "lacks a permission", calls: []string{"present", "end", "find", "list", "limit"}},
		"a cluster, as one server":      {url: at(cluster, "", ""), fix: ""},
		"one server, as a cluster":      {url: at(plain, "", ""), mode: redis.Cluster, fix: "is not a Redis Cluster"},
		"a replica":                     {url: at(replica, "", ""), fix: "is a replica", some: true},
		"no memory":                     {url: at(full, "", ""), fix: "out of memory", some: true},
		"a sentinel that knows another": {url: strings.Replace(sentinel.SentinelURL, "master_name=latchkey", "master_name=other", 1), mode: redis.Sentinel, fix: "master_name"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := redis.Open(c.url, redis.Options{Mode: c.mode})
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			said := false
			for call, do := range calls {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				err := do(ctx, db)
				cancel()
				if c.some && (err == nil || errors.Is(err, repository.ErrNotFound)) {
					continue
				}
				if !errors.Is(err, repository.ErrUnavailable) || errors.Is(err, repository.ErrNotFound) {
					t.Errorf("%s: %v", call, err)
				}
				var advice *repository.Advice
				if errors.As(err, &advice) {
					said = said || strings.Contains(advice.Fix, c.fix)
				} else if c.fix != "" && !c.some {
					t.Errorf("%s: no advice in %v", call, err)
				}
			}
			if !said && c.fix != "" {
				t.Errorf("no error says %q", c.fix)
			}
		})
	}
}
