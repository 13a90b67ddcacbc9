package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"latchkey/repository"
)

// DB is an open SQLite file. It implements every interface of the contract.
type DB struct {
	write pool // one connection
	read  pool // four
	group *group
	path  string
}

// pragmas are part of the DSN because a pragma run by Exec reaches only one pooled
// connection. With _txlock=immediate a transaction takes the write lock when it begins:
// upgrading a read lock later fails with SQLITE_BUSY. With synchronous=FULL a superseded
// refresh token stays superseded after a power loss.
const pragmas = "_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
	"&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)"

// Open opens the file at path and creates it if it does not exist. It reports calls to
// observe unless that is nil. It does not create the schema: call Migrate.
func Open(ctx context.Context, path string, observe repository.Observer) (*DB, error) {
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	write, err := open(path, 1)
	if err != nil {
		return nil, err
	}
	read, err := open(path, 4)
	if err != nil {
		_ = write.Close()
		return nil, err
	}
	db := &DB{write: pool{write, observe}, read: pool{read, observe}, group: newGroup(write, groupLimit), path: path}
	if err := db.Ping(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

func open(path string, conns int) (*sql.DB, error) {
	// The path is escaped, because the driver would run the text after a question mark
	// as pragmas.
	c, err := newConnector((&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String() + "?" + pragmas)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Close closes the file. The last process to do so merges the write-ahead log into it.
func (db *DB) Close() error {
	rerr := db.read.Close()
	if err := db.write.Close(); err != nil {
		return err
	}
	return rerr
}

// Pool returns the numbers of connections, for reads and writes together.
func (db *DB) Pool() repository.PoolStats {
	r, w := db.read.Stats(), db.write.Stats()
	return repository.PoolStats{
		Used: int64(r.InUse + w.InUse), Idle: int64(r.Idle + w.Idle), Max: int64(r.MaxOpenConnections + w.MaxOpenConnections),
		Waited: r.WaitCount + w.WaitCount,
	}
}

// Ping returns ErrUnavailable if the file cannot be read.
func (db *DB) Ping(ctx context.Context) error {
	var n int
	return storeError(db.read.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&n))
}

// inTx runs f in a write transaction, which it may share with other calls. f must use the
// context that it receives.
func (db *DB) inTx(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) (err error) {
	done := db.write.time("transaction")
	defer func() { done(err) }()
	return storeError(do(ctx, db.group, f))
}

// micros encodes a time as microseconds since 1970, and the zero time as 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment decodes a time that micros encoded.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
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
	repository.Sessions
	repository.Limits
	repository.Pinger
	repository.TimeMark
} = (*DB)(nil)

// Store returns a complete store on SQLite.
func (d *DB) Store() repository.Store {
	return repository.Store{
		Users: d, Revocations: d, Audits: d, Keys: d, Clients: d, Codes: d, Links: d, Outbox: d, Sessions: d, Limits: d,
		Database: d, SessionStore: d, TimeMark: d,
	}
}
