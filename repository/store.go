package repository

import (
	"context"
	"errors"
	"time"
)

// Store is everything that the rules keep, filled by cmd from Postgres and
// Redis, or from SQLite alone.
type Store struct {
	Users       Users
	Revocations Revocations
	Audits      Audits
	Keys        Keys
	Clients     Clients
	Codes       Codes
	Sessions    Sessions
	Limits      Limits

	// Database and SessionStore are the two servers behind the above, for
	// health checks. They are the same in the embedded mode.
	Database     Pinger
	SessionStore Pinger
	// Clock is the clock of the database server, which all replicas share; nil for a
	// database without a server.
	Clock Clock
	// TimeMark is in the place of Clock where there is no server; else nil.
	TimeMark TimeMark
}

// Clock tells the time of a server.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
}

// TimeMark keeps the newest time at which a process has written to the database, so
// that a later process can tell a wrong clock.
type TimeMark interface {
	// NewestTime returns the mark; the zero time in a new database.
	NewestTime(ctx context.Context) (time.Time, error)
	// AdvanceTime moves the mark to a time, and never back.
	AdvanceTime(ctx context.Context, to time.Time) error
	// SetTime moves the mark to a time, back as well: an operator says that the time
	// is right.
	SetTime(ctx context.Context, to time.Time) error
}

// Observer is told of each call of a store: which, what kind of call out of a small
// set (a command, or the first word of a statement), how long it took, and the
// ErrUnavailable that it ended in, or nil. It must be quick, and safe for concurrent
// use.
type Observer func(store, call string, took time.Duration, unavailable error)

// IfUnavailable is err where the store was unavailable, else nil.
func IfUnavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return nil
}

// PoolStats are the connections of a store.
type PoolStats struct {
	Used, Idle, Max int64
	Waited          int64 // how often somebody had to wait for one
}

// Pinger is a server that can be asked whether it answers.
type Pinger interface {
	// Ping returns nil when the server answers and is one that takes writes, and
	// ErrUnavailable when not. What only a write would show, as a full disk, it
	// does not see.
	Ping(ctx context.Context) error
}
