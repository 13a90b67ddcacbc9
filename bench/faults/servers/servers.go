package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/internal/testserver"
)

// redisServer is one of the two Redis servers.
type redisServer struct {
	process *testserver.Process
	port    int
	dir     string
	log     string
}

// Address returns the address of the server.
func (s *redisServer) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// newRedisServer chooses a port and starts a server on it.
func newRedisServer(dir, log string, more ...string) (*redisServer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	port, err := testserver.Port()
	if err != nil {
		return nil, err
	}
	s := &redisServer{port: port, dir: dir, log: log}
	return s, s.start(more...)
}

// start starts the server with the data in its directory, and waits until it answers. The
// last value of an argument counts.
func (s *redisServer) start(more ...string) (err error) {
	s.process, err = StartLogged(s.log, "redis-server", nil, append([]string{
		"--bind", "127.0.0.1", "--port", fmt.Sprint(s.port), "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
		"--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0",
	}, more...)...)
	if err != nil {
		return err
	}
	return Eventually(20*time.Second, func() error {
		if Ended(s.process) {
			return fmt.Errorf("redis-server ended: see %s", s.log)
		}
		return s.do(func(ctx context.Context, c *redis.Client) error { return c.Ping(ctx).Err() })
	})
}

// do calls f with a client of the server, and bounds its time.
func (s *redisServer) do(f func(context.Context, *redis.Client) error) error {
	c := redis.NewClient(&redis.Options{Addr: s.Address(), Protocol: 2, MaxRetries: -1})
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return f(ctx, c)
}

// info returns a section of INFO.
func (s *redisServer) info(section string) (text string) {
	_ = s.do(func(ctx context.Context, c *redis.Client) (err error) {
		text, err = c.Info(ctx, section).Result()
		return err
	})
	return text
}

// follows waits until the server has all that its primary has.
func (s *redisServer) follows() error {
	return Eventually(20*time.Second, func() error {
		if !strings.Contains(s.info("replication"), "master_link_status:up") {
			return fmt.Errorf("the Redis replica does not follow its primary")
		}
		return nil
	})
}

// startSentinel starts a sentinel that watches a primary.
func startSentinel(dir, log string, port, primary int) (*testserver.Process, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 1\n"+
		"sentinel down-after-milliseconds %[3]s 2000\nsentinel failover-timeout %[3]s 5000\n", port, dir, MasterName, primary)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return StartLogged(log, "redis-server", nil, file, "--sentinel")
}

// startPostgres starts a Postgres server that keeps what was committed.
func startPostgres() (*testserver.PostgresServer, error) {
	return testserver.NewPostgres(testserver.SurvivesKill)
}

// StartLogged starts a program whose output goes to the end of a file.
func StartLogged(file, program string, environment []string, args ...string) (*testserver.Process, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", `file=$1; shift; exec "$0" "$@" >>"$file" 2>&1`, program, file}, args...)...)
	cmd.Env = append(os.Environ(), environment...)
	return testserver.Start(cmd)
}

// Ended reports whether a process has ended.
func Ended(p *testserver.Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// Stop ends a process and waits for its end.
func Stop(p *testserver.Process) {
	if p != nil && !Ended(p) {
		p.Resume()
		p.Stop()
	}
}

// FreeAddress returns an address that was free a moment ago.
func FreeAddress() (string, error) {
	port, err := testserver.Port()
	return fmt.Sprintf("127.0.0.1:%d", port), err
}

// Eventually calls try until it succeeds or the time is up.
func Eventually(limit time.Duration, try func() error) error {
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if err := try(); err == nil || time.Since(begin) > limit {
			return err
		}
	}
}

// Pause sleeps, but not beyond the end of ctx.
func Pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// infoField finds the value of a line "name:value" of INFO.
func infoField(info, name string) string {
	_, rest, _ := strings.Cut(info, "\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}
