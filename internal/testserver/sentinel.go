package testserver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/internal/await"
)

// RedisPair is a primary and its replica, and a sentinel if there is one.
type RedisPair struct {
	Primary, Replica *RedisServer
	SentinelURL      string
}

// StartPair starts a primary and a replica that follows it.
func StartPair(t testing.TB) *RedisPair {
	t.Helper()
	skipIfQuick(t)
	p := &RedisPair{Primary: StartRedis(t, "--repl-diskless-sync-delay", "0")}
	p.Replica = StartRedis(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", p.Primary.Port))
	p.InStep(t)
	return p
}

// InStep waits until the replica has all data of the primary.
func (p *RedisPair) InStep(t testing.TB) {
	t.Helper()
	primary, replica := p.Primary.client(t), p.Replica.client(t)
	if err := await.NoError(20*time.Second, func() error {
		theirs, err := replica.Info(context.Background(), "replication").Result()
		if err != nil || !strings.Contains(theirs, "master_link_status:up") {
			return fmt.Errorf("the replica does not follow: %w", err)
		}
		n, err := primary.Wait(context.Background(), 1, time.Second).Result()
		if err != nil || n < 1 {
			return fmt.Errorf("the replica is behind: %w", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Detach makes the replica an independent primary. It does not receive later writes to the old
// primary.
func (p *RedisPair) Detach(t testing.TB) {
	t.Helper()
	if err := p.Replica.client(t).Do(context.Background(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
}

// StartSentinel starts a sentinel that fails over within seconds after the primary dies.
func (p *RedisPair) StartSentinel(t testing.TB) {
	t.Helper()
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor latchkey 127.0.0.1 %d 1\n"+
		"sentinel down-after-milliseconds latchkey 500\nsentinel failover-timeout latchkey 5000\n", port, dir, p.Primary.Port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := start(dir, false, "redis-server", file, "--sentinel")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port)})
	t.Cleanup(func() { _ = client.Close() })
	if err := await.NoError(20*time.Second, func() error {
		replicas, err := client.Do(context.Background(), "SENTINEL", "REPLICAS", "latchkey").Slice()
		if err != nil || len(replicas) == 0 {
			return fmt.Errorf("the sentinel knows no replica: %w", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.SentinelURL = fmt.Sprintf("redis://127.0.0.1:%d?master_name=latchkey", port)
}

func (s *RedisServer) client(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.Port)})
	t.Cleanup(func() { _ = c.Close() })
	return c
}
