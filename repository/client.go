package repository

import (
	"context"
	"time"
)

// SecretHash is the SHA-256 digest of a client secret in hexadecimal. The secret is random
// and long, so a fast hash is enough. The separate type prevents storing the secret itself.
type SecretHash string

// Client is an OAuth client (RFC 6749 section 2).
type Client struct {
	ID           string // never a UUID: UUIDs are user IDs
	Name         string // shown to people
	Public       bool   // cannot keep a secret
	FirstParty   bool   // users are not asked for consent
	PKCEOptional bool   // may redeem codes without PKCE
	Managed      bool   // defined by a file of the operator
	Disabled     bool
	Grants       []string // grant_type values
	Scopes       []string // that the client may request
	RedirectURIs []string
	Audiences    []string // that its access tokens may have; empty: the audience of the settings

	// Secret is empty for a public client. PreviousSecret is accepted until
	// PreviousUntil.
	Secret         SecretHash
	PreviousSecret SecretHash
	PreviousUntil  time.Time

	// Lifetimes of its tokens and sessions; 0: the lifetime of the settings.
	AccessTTL   time.Duration
	IdleTTL     time.Duration
	AbsoluteTTL time.Duration

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Clients stores the OAuth clients. A write returns ErrNotAllowed if the caller is not an
// administrator.
type Clients interface {
	// CreateClient adds a client. It returns ErrExists if a client has or had the ID, so
	// that a new client never takes over the sessions of a deleted one.
	CreateClient(ctx context.Context, c Client, by Caller, a AuditRecord) error

	// FindClient returns ErrNotFound for an unknown or deleted client.
	FindClient(ctx context.Context, id string) (Client, error)

	// ListClients returns at most limit clients with IDs greater than after, ordered by
	// ID.
	ListClients(ctx context.Context, after string, limit int) ([]Client, error)

	// UpdateClient replaces all fields except ID, the secrets, Public and CreatedAt. It
	// returns ErrNotFound unless UpdatedAt of the client is was: of concurrent calls
	// exactly one succeeds.
	UpdateClient(ctx context.Context, c Client, was time.Time, by Caller, a AuditRecord) error

	// RotateClientSecret replaces the secret and keeps the previous one until keep. It
	// returns ErrNotFound for an unknown, deleted or public client. It also does so if
	// the secret is current already, so that a repeated call does not drop the previous
	// secret. UpdatedAt increases, also if at is not later.
	RotateClientSecret(ctx context.Context, id string, secret SecretHash, keep, at time.Time, by Caller, a AuditRecord) error

	// DeleteClient deletes a client. It returns ErrNotFound for an unknown client.
	DeleteClient(ctx context.Context, id string, at time.Time, by Caller, a AuditRecord) error
}
