package redis

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/repository"
)

// Options are the limits of a client. Zero values take the defaults.
type Options struct {
	Prefix      string        // of every key; default "latchkey:"
	Timeout     time.Duration // of one read or write; default 400 ms
	DialTimeout time.Duration // default 400 ms
	MaxConns    int           // default 64
}

// DB is a client of one Redis server. It implements repository.Sessions and
// Pinger.
type DB struct {
	client  *redis.Client
	keys    keys
	scripts scripts
}

// Open makes a client for a redis:// or rediss:// URL. It does not connect: a
// server that is away is a matter of Ping and of each call.
func Open(url string, o Options) (*DB, error) {
	cfg, err := redis.ParseURL(url)
	if err != nil {
		// The error of the driver may repeat the URL with its password.
		return nil, fmt.Errorf("redis URL is not of the form redis://user:password@host:port/number")
	}
	if o.Prefix == "" {
		o.Prefix = "latchkey:"
	}
	cfg.ContextTimeoutEnabled = true // else a request's deadline does not stop a read
	cfg.DialTimeout = or(o.DialTimeout, 400*time.Millisecond)
	cfg.ReadTimeout = or(o.Timeout, 400*time.Millisecond)
	cfg.WriteTimeout = cfg.ReadTimeout
	cfg.PoolTimeout = cfg.ReadTimeout
	cfg.DialerRetries = 1 // five by default, which outlasts the timeouts above
	cfg.PoolSize = or(o.MaxConns, 64)
	cfg.MaxRetries = 1 // harmless: a repeated call carries the same op
	s, err := loadScripts()
	if err != nil {
		return nil, err
	}
	return &DB{client: redis.NewClient(cfg), keys: keys{o.Prefix}, scripts: s}, nil
}

// LogTo sends what the driver says to a log, at debug level: its errors are
// returned as well. The driver has one log for the whole process.
func LogTo(log *slog.Logger) { redis.SetLogger(driverLog{log}) }

type driverLog struct{ log *slog.Logger }

// Printf implements the driver's interface.
func (d driverLog) Printf(ctx context.Context, format string, v ...any) {
	d.log.DebugContext(ctx, "redis driver", "message", fmt.Sprintf(format, v...))
}

// Close closes every connection.
func (db *DB) Close() error { return db.client.Close() }

// Ping asks whether the server answers and takes writes. A replica answers
// PING as well, so its role is asked.
func (db *DB) Ping(ctx context.Context) error {
	role, err := db.client.Do(ctx, "ROLE").Slice()
	if err != nil {
		return storeError(err)
	}
	if len(role) == 0 || role[0] != "master" {
		return fmt.Errorf("%w: the server is a replica", repository.ErrUnavailable)
	}
	return nil
}

func or[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

var _ interface {
	repository.Sessions
	repository.Pinger
} = (*DB)(nil)
