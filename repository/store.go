package repository

import "context"

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
}

// Pinger is a server that can be asked whether it answers.
type Pinger interface {
	// Ping returns nil when the server answers and is one that takes writes, and
	// ErrUnavailable when not. What only a write would show, as a full disk, it
	// does not see.
	Ping(ctx context.Context) error
}
