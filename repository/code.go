package repository

import (
	"context"
	"time"
)

// CodeHash is the SHA-256 digest of an authorization code in hexadecimal.
type CodeHash string

// Code is an authorization code (RFC 6749 section 4.1.2) and the request it was issued for.
type Code struct {
	Hash        CodeHash
	ClientID    string
	UserID      string
	Epoch       int64 // the user's SessionEpoch when the code was issued
	RedirectURI string
	Challenge   string // code_challenge, S256 (RFC 7636 section 4.2)
	Scope       string
	Audience    string // of the access token; empty: the first audience of the client
	AMR         string
	Address     string // of the login
	Agent       string // of the login
	AuthTime    time.Time
	ExpiresAt   time.Time
}

// Codes stores the authorization codes.
type Codes interface {
	// CreateCode adds a code, and the messages about the login. It returns ErrExists if the
	// hash exists.
	CreateCode(ctx context.Context, c Code, mail ...Message) error

	// TakeCode redeems a code for a session that the caller is about to create. For a
	// code that was redeemed before it also returns, as usedFor, the session of that
	// call; of concurrent calls exactly one gets an empty usedFor. It returns
	// ErrNotFound if the code is unknown, belongs to another client or expired unused.
	TakeCode(ctx context.Context, hash CodeHash, clientID, sessionID string, now time.Time) (c Code, usedFor string, err error)

	// ReturnCode makes a code usable again if the session that it was taken for could not
	// be created. It changes nothing if the code was taken for another session.
	ReturnCode(ctx context.Context, hash CodeHash, sessionID string) error

	// PurgeCodes deletes at most limit codes that expired before a time and returns their
	// number.
	PurgeCodes(ctx context.Context, before time.Time, limit int) (int, error)
}
