package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/internal/testserver"
)

// Stores are Postgres, two Redis servers, and a sentinel that decides which of the two
// is the primary. One sentinel is enough here: its own failures are not under test.
type Stores struct {
	Postgres     *testserver.PostgresServer
	Servers      [2]*redisServer
	sentinel     *testserver.Process
	sentinelPort int
	dir, logs    string

	mu      sync.Mutex
	current int // the index of the primary
	Changed func(primary int)
}

// StartStores starts Postgres and a Redis primary with its replica and Sentinels.
func StartStores(dir, logs string) (s *Stores, err error) {
	s = &Stores{dir: dir, logs: logs, Changed: func(int) {}}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if s.Postgres, err = startPostgres(); err != nil {
		return nil, fmt.Errorf("postgres: %w; make servers installs it", err)
	}
	if s.Servers[0], err = newRedisServer(filepath.Join(dir, "redis-0"), filepath.Join(logs, "redis-0.log")); err != nil {
		return nil, fmt.Errorf("redis: %w; make servers installs it", err)
	}
	if s.Servers[1], err = newRedisServer(filepath.Join(dir, "redis-1"), filepath.Join(logs, "redis-1.log"), "--replicaof", fmt.Sprintf("127.0.0.1 %d", s.Servers[0].port)); err != nil {
		return nil, err
	}
	if err = s.Servers[1].follows(); err != nil {
		return nil, err
	}
	if s.sentinelPort, err = testserver.Port(); err != nil {
		return nil, err
	}
	return s, s.watchPrimary()
}

// Stop ends all servers.
func (s *Stores) Stop() {
	Stop(s.sentinel)
	for _, r := range s.Servers {
		if r != nil {
			Stop(r.process)
		}
	}
	if s.Postgres != nil {
		s.Postgres.Remove()
	}
}

// watchPrimary starts the sentinel anew, and waits until it knows both servers.
func (s *Stores) watchPrimary() (err error) {
	Stop(s.sentinel)
	if s.sentinel, err = startSentinel(filepath.Join(s.dir, "sentinel"), filepath.Join(s.logs, "sentinel.log"), s.sentinelPort, s.Servers[s.Primary()].port); err != nil {
		return err
	}
	return Eventually(20*time.Second, func() error {
		c := s.askSentinel()
		defer func() { _ = c.Close() }()
		list, err := c.Replicas(context.Background(), MasterName).Result()
		if err == nil && len(list) == 0 {
			err = errors.New("the sentinel knows no replica of the primary")
		}
		return err
	})
}

func (s *Stores) askSentinel() *redis.SentinelClient {
	return redis.NewSentinelClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.sentinelPort), Protocol: 2, MaxRetries: -1})
}

// Primary returns the Redis server that takes writes.
func (s *Stores) Primary() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Follow asks the sentinel for the primary until ctx ends, and calls changed when it is
// another one. While the sentinel does not answer, the last primary counts.
func (s *Stores) Follow(ctx context.Context) {
	c := s.askSentinel()
	defer func() { _ = c.Close() }()
	for ctx.Err() == nil {
		Pause(ctx, 200*time.Millisecond)
		limited, cancel := context.WithTimeout(ctx, time.Second)
		address, err := c.GetMasterAddrByName(limited, MasterName).Result()
		cancel()
		if err != nil || len(address) != 2 {
			continue
		}
		for i, r := range s.Servers {
			if address[1] == strconv.Itoa(r.port) && i != s.Primary() {
				s.mu.Lock()
				s.current = i
				s.mu.Unlock()
				s.Changed(i)
			}
		}
	}
}

// replicaOf returns the arguments with which a server follows another one.
func replicaOf(primary *redisServer) []string {
	host, port, _ := net.SplitHostPort(primary.Address())
	return []string{"--replicaof", host + " " + port}
}

// StopRedis stops both servers. The replica ends first, so that the sentinel cannot
// make it the primary.
func (s *Stores) StopRedis() {
	p := s.Primary()
	Stop(s.Servers[1-p].process)
	Stop(s.Servers[p].process)
}

// StartRedis starts both servers with the data that they have.
func (s *Stores) StartRedis() error {
	p := s.Primary()
	if err := s.Servers[p].start(); err != nil {
		return err
	}
	return s.Servers[1-p].start(replicaOf(s.Servers[p])...)
}

// KillPrimary kills the primary, waits for the takeover, and starts the old primary as
// a replica of the new one. It returns when the takeover was seen.
func (s *Stores) KillPrimary(ctx context.Context) (takeover time.Time, err error) {
	old := s.Primary()
	s.Servers[old].process.Kill()
	err = Eventually(30*time.Second, func() error {
		if s.Primary() == old && ctx.Err() == nil {
			return errors.New("the sentinel does not replace the primary")
		}
		return nil
	})
	takeover = time.Now()
	if err != nil || s.Primary() == old {
		return takeover, errors.Join(err, s.Servers[old].start())
	}
	return takeover, s.Servers[old].start(replicaOf(s.Servers[1-old])...)
}

// Dump writes the data of the primary to a file.
func (s *Stores) Dump(file string) error {
	r := s.Servers[s.Primary()]
	last := func() string { return infoField(r.info("persistence"), "rdb_last_save_time") }
	before := last()
	// LASTSAVE has seconds: the save must be seen in a later one.
	time.Sleep(1100 * time.Millisecond)
	if err := r.do(func(ctx context.Context, c *redis.Client) error { return c.BgSave(ctx).Err() }); err != nil {
		return err
	}
	if err := Eventually(20*time.Second, func() error {
		if last() == before || infoField(r.info("persistence"), "rdb_bgsave_in_progress") != "0" {
			return errors.New("BGSAVE does not end")
		}
		return nil
	}); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(r.dir, "dump.rdb"))
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// Restore replaces all data of Redis with the content of a dump. With appendonly on, Redis loads
// its log and never a dump, so the primary starts without the log and then turns it on.
func (s *Stores) Restore(file string) error {
	Stop(s.sentinel)
	s.StopRedis()
	for _, r := range s.Servers {
		if err := errors.Join(os.RemoveAll(filepath.Join(r.dir, "appendonlydir")), os.RemoveAll(filepath.Join(r.dir, "dump.rdb"))); err != nil {
			return err
		}
	}
	p := s.Servers[s.Primary()]
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.dir, "dump.rdb"), text, 0o600); err != nil {
		return err
	}
	if err := p.start("--appendonly", "no"); err != nil {
		return err
	}
	if err := p.do(func(ctx context.Context, c *redis.Client) error { return c.ConfigSet(ctx, "appendonly", "yes").Err() }); err != nil {
		return err
	}
	replica := s.Servers[1-s.Primary()]
	if err := replica.start(replicaOf(p)...); err != nil {
		return err
	}
	return errors.Join(replica.follows(), s.watchPrimary())
}
