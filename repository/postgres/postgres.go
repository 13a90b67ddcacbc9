package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/repository"
	"latchkey/repository/batch"
)

// Options are the limits of a pool. Zero values take the defaults.
type Options struct {
	MaxConns         int           // default 16
	ConnectTimeout   time.Duration // default 2 s
	StatementTimeout time.Duration // default 2 s; enforced by the server (not behind a pooler), and by this package if the server hangs
	Observe          repository.Observer
	Tracer           pgx.QueryTracer // sees each statement; may be nil
}

// DB is a pool of connections to one Postgres server. It implements
// repository.Users, Revocations, Audits, Keys, Clients, Codes, Links, Outbox
// and Pinger.
type DB struct {
	pool         *pgxpool.Pool
	sessionUsers *batch.Batches[*sessionUser]
	sessions     sessions
}

// Open returns a pool for a postgres:// URL. It does not connect. If the server is
// unavailable, Ping and each call return an error.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, badURL(err)
	}
	cfg.MaxConns = int32(or(o.MaxConns, 16)) //nolint:gosec // config limits the number
	cfg.ConnConfig.ConnectTimeout = or(o.ConnectTimeout, 2*time.Second)
	timeout := or(o.StatementTimeout, 2*time.Second)
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if cfg.ConnConfig.ValidateConnect == nil { // the URL has no target_session_attrs
		cfg.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	db := &DB{}
	db.sessions.limit, db.sessions.prepares = timeout, cfg.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
	cfg.BeforeConnect, cfg.AfterConnect, cfg.PrepareConn = db.sessions.before, db.sessions.after, db.sessions.usable
	limits := &bound{limit: timeout, observe: o.Observe, readOnly: db.dropConnections}
	cfg.ConnConfig.Tracer = limits
	if o.Tracer != nil {
		cfg.ConnConfig.Tracer = multitracer.New(cfg.ConnConfig.Tracer, o.Tracer)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db.pool, db.sessionUsers = pool, newSessionUsers(pool)
	return db, nil
}

// Check returns an error for a URL that Open refuses. It reads the files in the URL and opens no
// connection.
func Check(url string) error {
	if _, err := pgxpool.ParseConfig(url); err != nil {
		return badURL(err)
	}
	return nil
}

// badURL returns an error for a URL that pgx rejects. The error of pgx may contain the
// password, so only the cause "file cannot be read" is passed on.
func badURL(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return fmt.Errorf("a file in the URL cannot be used: %w", file)
	}
	return errors.New("not of the form postgres://user:password@host:port/name, or a parameter has a value that is not allowed: " +
		"check sslmode, sslrootcert, sslcert and sslkey, target_session_attrs, and pool_…")
}

// dropConnections closes all connections; those in use are closed when they are released.
// After a switchover they lead to a read-only server, and new connections to the primary.
func (db *DB) dropConnections() {
	if db.pool != nil {
		go db.pool.Reset() // Reset may wait for a connection that is being opened
	}
}

// Close waits for the connections in use and then closes all connections.
func (db *DB) Close() error {
	db.pool.Close()
	return nil
}

// Pool returns the numbers of connections.
func (db *DB) Pool() repository.PoolStats {
	s := db.pool.Stat()
	return repository.PoolStats{Used: int64(s.AcquiredConns()), Idle: int64(s.IdleConns()), Max: int64(s.MaxConns()), Waited: s.EmptyAcquireCount()}
}

// Ping returns ErrUnavailable unless the server answers and accepts writes.
func (db *DB) Ping(ctx context.Context) error {
	var readOnly bool
	if err := db.pool.QueryRow(ctx, `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'`).Scan(&readOnly); err != nil {
		return storeError(err)
	}
	if readOnly {
		db.dropConnections()
		return fmt.Errorf("%w: the server does not accept writes", repository.ErrUnavailable)
	}
	return nil
}

// Now implements repository.Clock.
func (db *DB) Now(ctx context.Context) (now time.Time, err error) {
	err = db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now.UTC(), storeError(err)
}

// inTx runs f in a transaction. It rolls back if f returns an error.
func (db *DB) inTx(ctx context.Context, f func(tx pgx.Tx) error) error {
	return storeError(pgx.BeginFunc(ctx, db.pool, f))
}

func or[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

var _ interface {
	repository.Users
	repository.Revocations
	repository.Audits
	repository.Keys
	repository.Clients
	repository.Codes
	repository.Links
	repository.Outbox
	repository.Pinger
	repository.Clock
} = (*DB)(nil)

// Store returns the part of a store that is in Postgres. Sessions and Limits are nil:
// redis.DB.Store adds them.
func (d *DB) Store() repository.Store {
	return repository.Store{
		Users: d, Revocations: d, Audits: d, Keys: d, Clients: d, Codes: d, Links: d, Outbox: d,
		Database: d, Clock: d,
	}
}
