package testserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/internal/await"
)

// RedisServer is a Redis server for one test.
type RedisServer struct {
	*Process
	URL  string
	Port int
	dir  string
	args []string
}

var sharedRedis = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("LATCHKEY_TEST_REDIS_URL"); u != "" {
		return u, nil
	}
	s, err := NewRedis()
	if err != nil {
		return "", err
	}
	AtExit(s.Remove)
	return s.URL, nil
})

// Redis returns the URL of the server that the tests of this process share, and a unique key
// prefix.
func Redis(t testing.TB) (url, prefix string) {
	t.Helper()
	skipIfQuick(t)
	if os.Getenv("LATCHKEY_TEST_REDIS_URL") == "" && !haveRedis() {
		missing(t, "Redis", "LATCHKEY_TEST_REDIS_URL")
	}
	url, err := sharedRedis()
	if err != nil {
		t.Fatal(err)
	}
	return url, "t-" + random() + ":"
}

// StartRedis starts a server that this test may stop, kill and restart. The arguments are
// passed to redis-server.
func StartRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	skipIfQuick(t)
	if !haveRedis() {
		missing(t, "Redis", "PATH")
	}
	s, err := NewRedis(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// Restart starts a stopped server on the same port, in the same directory.
func (s *RedisServer) Restart(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

// Remove stops the server and deletes its files.
func (s *RedisServer) Remove() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

// NewRedis starts a server that the caller stops.
func NewRedis(args ...string) (*RedisServer, error) {
	dir, err := os.MkdirTemp("", "latchkey-redis-")
	if err != nil {
		return nil, err
	}
	s := &RedisServer{dir: dir, args: args}
	for range 5 { // the port may be taken between the choice and the start
		if s.Port, err = Port(); err != nil {
			break
		}
		s.URL = fmt.Sprintf("redis://127.0.0.1:%d/0", s.Port)
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	_ = os.RemoveAll(dir)
	return nil, err
}

// run starts the server and waits until it answers.
func (s *RedisServer) run() (err error) {
	s.Process, err = start(s.dir, false, "redis-server", append([]string{
		"--bind", "127.0.0.1", "--port", fmt.Sprint(s.Port), "--dir", s.dir, "--save", "", "--appendonly", "no",
	}, s.args...)...)
	if err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.Port)})
	defer func() { _ = client.Close() }()
	return await.NoError(10*time.Second, func() error {
		if err := s.ended(); err != nil {
			return err
		}
		return client.Ping(context.Background()).Err()
	})
}

func haveRedis() bool {
	_, err := exec.LookPath("redis-server")
	return err == nil
}
