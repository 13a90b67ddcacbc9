package redis

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/repository"
	"latchkey/repository/batch"
)

// Mode is how the servers behind a URL work together.
type Mode string

// The modes.
const (
	Standalone Mode = "standalone" // one server
	Sentinel   Mode = "sentinel"   // the URL names the sentinels, and master_name
	Cluster    Mode = "cluster"    // the URL names some of the nodes
)

// Options are the limits of a client. Zero values take the defaults.
type Options struct {
	Mode        Mode          // default Standalone
	Prefix      string        // of every key; default "latchkey:"
	Timeout     time.Duration // of one read or write; default 400 ms
	DialTimeout time.Duration // default 400 ms
	MaxConns    int           // to each server; default 64
	// SentinelUsername and SentinelPassword are for the sentinels; those of the URL
	// are for the servers of the data.
	SentinelUsername, SentinelPassword string
	// CAFile has the certificates that vouch for the servers, instead of the
	// system's; CertFile and KeyFile are shown to servers that ask for a certificate.
	CAFile, CertFile, KeyFile string
	// ServerName is in the certificate of each server; default: the name or address
	// that the server is dialed by.
	ServerName string
	Observe    repository.Observer
	// Instrument is given the client before it is used; or nil.
	Instrument func(redis.UniversalClient) error
}

// DB is a client of Redis. It implements repository.Sessions, Limits and Pinger.
type DB struct {
	client   redis.UniversalClient
	maxConns int // to each server
	keys     keys
	scripts  scripts
	batches  *batch.Batches[*run] // nil for a cluster
}

// Open makes a client for a redis:// or rediss:// URL; further servers are in
// its query, as in redis://one:6379?addr=two:6379&addr=three:6379. It does not
// connect: a server that is away is a matter of Ping and of each call. Its errors begin
// with the name of the option that is wrong.
func Open(url string, o Options) (*DB, error) {
	o.Prefix = or(o.Prefix, "latchkey:")
	o.Timeout = or(o.Timeout, 400*time.Millisecond)
	o.DialTimeout = or(o.DialTimeout, 400*time.Millisecond)
	o.MaxConns = or(o.MaxConns, 64)
	s, err := loadScripts()
	if err != nil {
		return nil, err
	}
	client, err := dial(url, o)
	if err != nil {
		return nil, err
	}
	if o.Observe != nil {
		client.AddHook(observed{o.Observe})
	}
	if o.Instrument != nil {
		if err := o.Instrument(client); err != nil {
			_ = client.Close()
			return nil, fmt.Errorf("instrument the client: %w", err)
		}
	}
	db := &DB{client: client, maxConns: o.MaxConns, keys: keys{o.Prefix}, scripts: s}
	if o.Mode != Cluster { // whose pipelines wait for the slowest of its nodes
		db.batches = newBatches(client)
	}
	return db, nil
}

// Pool says how many connections there are.
func (db *DB) Pool() repository.PoolStats {
	s := db.client.PoolStats()
	return repository.PoolStats{
		Used: int64(s.TotalConns - s.IdleConns), Idle: int64(s.IdleConns), Max: int64(db.maxConns), Waited: int64(s.WaitCount),
	}
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

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

var _ interface {
	repository.Sessions
	repository.Limits
	repository.Pinger
} = (*DB)(nil)

// Store returns the store of a database with sessions and limits in Redis.
func (d *DB) Store(database repository.Store) repository.Store {
	database.Sessions, database.Limits, database.SessionStore = d, d, d
	return database
}
