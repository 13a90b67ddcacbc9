package testserver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/internal/await"
)

const slots = 16384

// RedisCluster is a cluster of three primaries and three replicas for one test.
type RedisCluster struct {
	URL      string // names every node
	Primary  [3]*RedisServer
	Replica  [3]*RedisServer // of the primary with that index
	clients  map[*RedisServer]*redis.Client
	nodeName map[*RedisServer]string
}

// StartCluster starts a cluster and waits until every slot is served and every
// replica follows.
func StartCluster(t testing.TB) *RedisCluster {
	t.Helper()
	skipIfQuick(t)
	c := &RedisCluster{clients: map[*RedisServer]*redis.Client{}, nodeName: map[*RedisServer]string{}}
	var addrs []string
	for i := range 6 {
		bus, err := Port()
		if err != nil {
			t.Fatal(err)
		}
		s := StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus), "--cluster-node-timeout", "1000",
			"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0")
		if i < 3 {
			c.Primary[i] = s
		} else {
			c.Replica[i-3] = s
		}
		c.clients[s] = redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.Port)})
		t.Cleanup(func() { _ = c.clients[s].Close() })
		c.nodeName[s] = c.do(t, s, "CLUSTER", "MYID")
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", s.Port))
		if i > 0 {
			c.do(t, s, "CLUSTER", "MEET", "127.0.0.1", fmt.Sprint(c.Primary[0].Port), fmt.Sprint(c.busOf(t, c.Primary[0])))
		}
	}
	for i, s := range c.Primary {
		c.do(t, s, "CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*slots/3), fmt.Sprint((i+1)*slots/3-1))
	}
	for i, s := range c.Replica {
		c.wait(t, func() error { // until the replica knows its primary
			return c.clients[s].Do(context.Background(), "CLUSTER", "REPLICATE", c.nodeName[c.Primary[i]]).Err()
		})
	}
	for s, client := range c.clients {
		c.wait(t, func() error {
			info, err := client.ClusterInfo(context.Background()).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:6") {
				return fmt.Errorf("node %d: %w %s", s.Port, err, info)
			}
			repl, err := client.Info(context.Background(), "replication").Result()
			if err != nil || strings.Contains(repl, "master_link_status:down") {
				return fmt.Errorf("replica %d does not follow: %w", s.Port, err)
			}
			return nil
		})
	}
	c.URL = "redis://" + addrs[0] + "?addr=" + strings.Join(addrs[1:], "&addr=")
	return c
}

// Takeover makes replica i the primary of its slots without a vote. Writes that the old primary
// has not replicated are lost.
func (c *RedisCluster) Takeover(t testing.TB, i int) {
	t.Helper()
	c.do(t, c.Replica[i], "CLUSTER", "FAILOVER", "TAKEOVER")
	c.Primary[i], c.Replica[i] = c.Replica[i], c.Primary[i]
}

// MoveSlot moves a slot with its keys between two primaries, like resharding, and returns the
// number of its keys.
func (c *RedisCluster) MoveSlot(t testing.TB, slot int64, from, to int) int {
	t.Helper()
	source, target := c.Primary[from], c.Primary[to]
	c.do(t, target, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.nodeName[source])
	c.do(t, source, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.nodeName[target])
	moved := 0
	for {
		keys, err := c.clients[source].ClusterGetKeysInSlot(context.Background(), int(slot), 100).Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", "127.0.0.1", target.Port, "", 0, 1000, "KEYS"}
		for _, k := range keys {
			args = append(args, k)
		}
		c.do(t, source, args...)
		moved += len(keys)
	}
	for _, s := range []*RedisServer{target, source} {
		c.do(t, s, "CLUSTER", "SETSLOT", slot, "NODE", c.nodeName[target])
	}
	return moved
}

// Slots returns the slots of the given keys that primary i serves.
func (c *RedisCluster) Slots(t testing.TB, i int, keys []string) []int64 {
	t.Helper()
	var list []int64
	seen := map[int64]bool{}
	for _, key := range keys {
		slot, err := c.clients[c.Primary[i]].ClusterKeySlot(context.Background(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		n, err := c.clients[c.Primary[i]].ClusterCountKeysInSlot(context.Background(), int(slot)).Result()
		if err == nil && n > 0 && !seen[slot] {
			seen[slot] = true
			list = append(list, slot)
		}
	}
	return list
}

func (c *RedisCluster) busOf(t testing.TB, s *RedisServer) string {
	t.Helper()
	ports, err := c.clients[s].ConfigGet(context.Background(), "cluster-port").Result()
	if err != nil {
		t.Fatal(err)
	}
	return ports["cluster-port"]
}

func (c *RedisCluster) do(t testing.TB, s *RedisServer, args ...any) string {
	t.Helper()
	v, err := c.clients[s].Do(context.Background(), args...).Result()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return fmt.Sprint(v)
}

func (c *RedisCluster) wait(t testing.TB, try func() error) {
	t.Helper()
	if err := await.NoError(30*time.Second, try); err != nil {
		t.Fatal(err)
	}
}
