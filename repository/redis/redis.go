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

// Mode is the kind of deployment that a URL leads to.
type Mode string

// The modes.
const (
	Standalone Mode = "standalone" // one server
	Sentinel   Mode = "sentinel"   // the URL names the sentinels, and master_name
	Cluster    Mode = "cluster"    // the URL names one or more nodes
)

// Options are the limits of a client. Zero values take the defaults.
type Options struct {
	Mode        Mode          // default Standalone
	Prefix      string        // prefix of every key; default "latchkey:"
	Timeout     time.Duration // of one read or write; default 400 ms
	DialTimeout time.Duration // default 400 ms
	MaxConns    int           // to each server; default 64
	// SentinelUsername and SentinelPassword are for the sentinels. The user and password
	// of the URL are for the data servers.
	SentinelUsername, SentinelPassword string
	// CAFile contains the CA certificates for the servers, instead of the system's. CertFile and
	// KeyFile are the client certificate.
	CAFile, CertFile, KeyFile string
	// ServerName is the name in the certificate of each server. By default it is the name
	// or address that the server was dialed by.
	ServerName string
	Observe    repository.Observer
	// Instrument is called with the client before it is used. It may be nil.
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

// Open returns a client for a redis:// or rediss:// URL. The query of the URL names further
// servers, as in redis://one:6379?addr=two:6379&addr=three:6379. Open does not connect: if a
// server is unavailable, Ping and each call return an error. A wrong
// option is a SettingError.
func Open(url string, o Options) (*DB, error) {
	o.Prefix = or(o.Prefix, "latchkey:")
	o.Timeout = or(o.Timeout, 400*time.Millisecond)
	o.DialTimeout = or(o.DialTimeout, 400*time.Millisecond)
	o.MaxConns = or(o.MaxConns, 64)
	s, err := loadScripts()
	if err != nil {
		return nil, err
	}
	connect, problems := configure(url, o)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	client := connect()
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
	if o.Mode != Cluster { // a pipeline to a cluster waits for the slowest node
		db.batches = newBatches(client)
	}
	return db, nil
}

// Pool returns the numbers of connections.
func (db *DB) Pool() repository.PoolStats {
	s := db.client.PoolStats()
	return repository.PoolStats{
		Used: int64(s.TotalConns - s.IdleConns), Idle: int64(s.IdleConns), Max: int64(db.maxConns), Waited: int64(s.WaitCount),
	}
}

// LogTo sends the messages of the driver to a log at debug level. Errors are returned as well.
// The driver has one log for the whole process.
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

// Store returns the store of a database, completed with sessions and limits in Redis.
func (d *DB) Store(database repository.Store) repository.Store {
	database.Sessions, database.Limits, database.SessionStore = d, d, d
	return database
}
