package repository

import (
	"context"
	"time"
)

// CodeHash is the SHA-256 digest of an authorization code, in hex.
type CodeHash string

// Code is an authorization code (RFC 6749 4.1.2) and what it was given for.
type Code struct {
	Hash        CodeHash
	ClientID    string
	UserID      string
	Epoch       int64 // the user's SessionEpoch when it was given
	RedirectURI string
	Challenge   string // code_challenge by S256 (RFC 7636 4.2)
	Scope       string
	Audience    string // of the access token; empty: the client's first
	AMR         string
	Address     string // of the log-in
	Agent       string // of the log-in
	AuthTime    time.Time
	ExpiresAt   time.Time
}

// Codes keeps the authorization codes.
type Codes interface {
	// CreateCode adds a code. ErrExists if there is one of that hash.
	CreateCode(ctx context.Context, c Code) error

	// TakeCode uses a code of a client up, for a session that the caller is
	// about to make. A code that was used before is returned with the session
	// that it was used for; one of many concurrent callers gets it without.
	// ErrNotFound for an unknown code, for another client's, and for one that
	// has expired unused.
	TakeCode(ctx context.Context, hash CodeHash, clientID, sessionID string, now time.Time) (c Code, usedFor string, err error)

	// ReturnCode makes a code usable again that was taken for a session which
	// could not be made. It changes nothing where the code was taken for another.
	ReturnCode(ctx context.Context, hash CodeHash, sessionID string) error

	// PurgeCodes forgets at most limit codes that expired before a time, and
	// returns how many.
	PurgeCodes(ctx context.Context, before time.Time, limit int) (int, error)
}
