package repository

import (
	"context"
	"time"
)

// KeyUse is the kind of token that a key signs.
type KeyUse string

// The uses.
const (
	UseAccess  KeyUse = "access"
	UseRefresh KeyUse = "refresh"
)

// SigningKey is a key that signs tokens. Its state follows from its times, so that all
// replicas agree on it without another write. A key is standby until ActiveAt, then active,
// superseded when a later key of the same use becomes active, and revoked from RevokedAt.
type SigningKey struct {
	ID        string // kid
	Use       KeyUse
	Algorithm string // RFC 7518 section 3.1
	Sealed    []byte // the key, encrypted by the service
	CreatedAt time.Time
	ActiveAt  time.Time // zero: standby
	RevokedAt time.Time // zero: not revoked
}

// Standby reports whether a key is standby: ActiveAt is not set. Each use has at most one
// standby key.
func (k SigningKey) Standby() bool { return k.ActiveAt.IsZero() && k.RevokedAt.IsZero() }

// Keys stores the keys that sign tokens. There are few, so lists have no pages.
type Keys interface {
	// ListKeys returns all keys, oldest first.
	ListKeys(ctx context.Context) ([]SigningKey, error)

	// PutStandbyKey adds a standby key and deletes the standby key with the ID replaces
	// (empty: none) in one step. It returns ErrExists if the ID is taken or the use has
	// another standby key: of concurrent calls exactly one succeeds.
	PutStandbyKey(ctx context.Context, k SigningKey, replaces string, a AuditRecord) error

	// ActivateKey sets the time from which the standby key signs, and adds the next
	// standby key, in one step. It returns ErrNotFound if the key is not standby: of
	// concurrent calls exactly one succeeds.
	ActivateKey(ctx context.Context, id string, at time.Time, next SigningKey, a AuditRecord) error

	// RevokeKey revokes a key. It returns ErrNotFound for an unknown key. Revoking a key
	// again changes nothing and writes no audit record.
	RevokeKey(ctx context.Context, id string, at time.Time, a AuditRecord) error

	// DeleteKey deletes a key.
	DeleteKey(ctx context.Context, id string) error
}
