package repository

import (
	"context"
	"errors"
	"time"
)

// Store contains all stores that the rules need. The program fills it from Postgres and Redis,
// or from SQLite alone.
type Store struct {
	Users       Users
	Revocations Revocations
	Audits      Audits
	Keys        Keys
	Clients     Clients
	Codes       Codes
	Links       Links
	Outbox      Outbox
	Sessions    Sessions
	Limits      Limits

	// Database and SessionStore are the servers behind the stores, for health checks. In
	// embedded mode they are the same.
	Database     Pinger
	SessionStore Pinger
	// Clock is the clock of the database server, which all replicas share. It is nil if
	// the database has no server.
	Clock Clock
	// TimeMark replaces Clock if the database has no server. Otherwise it is nil.
	TimeMark TimeMark
}

// Clock reads the clock of a server.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
}

// TimeMark stores the latest time at which a process has written to the database, so that a
// later process can detect a wrong clock.
type TimeMark interface {
	// NewestTime returns the mark. It is the zero time in a new database.
	NewestTime(ctx context.Context) (time.Time, error)
	// AdvanceTime moves the mark forward to a time. It never moves it back.
	AdvanceTime(ctx context.Context, to time.Time) error
	// SetTime moves the mark to a time, also back, after an operator has confirmed the
	// clock.
	SetTime(ctx context.Context, to time.Time) error
}

// Observer is called after each call of a store. It receives the store, the kind of call (a
// command, or the first word of a statement, from a small set), the duration, and the
// ErrUnavailable that the call returned, or nil. It must be fast and safe for concurrent
// use.
type Observer func(store, call string, took time.Duration, unavailable error)

// IfUnavailable returns err if it is an ErrUnavailable, otherwise nil.
func IfUnavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return nil
}

// PoolStats are the numbers of connections of a store.
type PoolStats struct {
	Used, Idle, Max int64
	Waited          int64 // number of calls that waited for a connection
}

// Pinger checks whether a server is available.
type Pinger interface {
	// Ping returns ErrUnavailable unless the server answers and accepts writes. It does
	// not detect failures that only a write shows, such as a full disk.
	Ping(ctx context.Context) error
}
