package repository

import (
	"context"
	"time"
)

// SecretHash is the SHA-256 digest of a client's secret, in hex. The secret is
// random and long, so nothing slower is needed. It has a type of its own so that
// a secret cannot be stored in its place.
type SecretHash string

// Client is a program that gets tokens by OAuth (RFC 6749 2).
type Client struct {
	ID           string // never a UUID: those are users
	Name         string // for people
	Public       bool   // it can keep no secret
	FirstParty   bool   // ours: users are not asked for consent
	PKCEOptional bool   // it may redeem codes without PKCE
	Managed      bool   // a file of the operator says what it is
	Disabled     bool
	Grants       []string // grant_type values
	Scopes       []string // that it may ask for
	RedirectURIs []string
	Audiences    []string // that its access tokens may be for; empty: that of the settings

	// Secret is the hash of its secret, empty for a public client. The one
	// before it is good until PreviousUntil.
	Secret         SecretHash
	PreviousSecret SecretHash
	PreviousUntil  time.Time

	// Lifetimes of its tokens and sessions; 0: those of the settings.
	AccessTTL   time.Duration
	IdleTTL     time.Duration
	AbsoluteTTL time.Duration

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Clients keeps the OAuth clients. The caller of a write must be an
// administrator, else ErrNotAllowed.
type Clients interface {
	// CreateClient adds a client. ErrExists if the id is taken, or was: sessions
	// of a client that was deleted must not become those of another.
	CreateClient(ctx context.Context, c Client, by Caller, a AuditRecord) error

	// FindClient returns ErrNotFound for an unknown or deleted client.
	FindClient(ctx context.Context, id string) (Client, error)

	// ListClients returns at most limit clients whose id is greater than after,
	// in the order of their ids.
	ListClients(ctx context.Context, after string, limit int) ([]Client, error)

	// UpdateClient replaces all but the id, the secrets, Public and CreatedAt.
	// ErrNotFound if there is no such client whose UpdatedAt is was: of many
	// concurrent callers exactly one succeeds.
	UpdateClient(ctx context.Context, c Client, was time.Time, by Caller, a AuditRecord) error

	// RotateClientSecret makes a secret the current one, and keeps the one that
	// was current until a time. ErrNotFound for an unknown, deleted or public
	// client, and for the secret that is current already: else the one before would
	// be lost to a second call.
	RotateClientSecret(ctx context.Context, id string, secret SecretHash, keep, at time.Time, by Caller, a AuditRecord) error

	// DeleteClient removes a client for good. ErrNotFound for an unknown one.
	DeleteClient(ctx context.Context, id string, at time.Time, by Caller, a AuditRecord) error
}
