package repository

import (
	"context"
	"time"
)

// KeyUse is the one kind of token that a key signs.
type KeyUse string

// The uses.
const (
	UseAccess  KeyUse = "access"
	UseRefresh KeyUse = "refresh"
)

// SigningKey is a key that signs tokens. Its times decide its state, so that
// every replica agrees on it without a further write: it is next until ActiveAt,
// active from then on, retired when another of its use is activated later, and
// revoked from RevokedAt.
type SigningKey struct {
	ID        string // kid
	Use       KeyUse
	Algorithm string // RFC 7518 3.1
	Sealed    []byte // the key itself, encrypted by the service
	CreatedAt time.Time
	ActiveAt  time.Time // zero while it stands by
	RevokedAt time.Time // zero: it is not
}

// Standby reports whether a key waits for its time to be set. A use has at most
// one such key.
func (k SigningKey) Standby() bool { return k.ActiveAt.IsZero() && k.RevokedAt.IsZero() }

// Keys keeps the keys that sign tokens. A handful: nothing is paged.
type Keys interface {
	// ListKeys returns every key, in the order of creation.
	ListKeys(ctx context.Context) ([]SigningKey, error)

	// PutStandbyKey adds a key that stands by, in place of the one with the id
	// replaces (empty: of none), in one step. ErrExists if the id is taken, or
	// if another key of this use stands by: of many concurrent callers exactly
	// one succeeds.
	PutStandbyKey(ctx context.Context, k SigningKey, replaces string, a AuditRecord) error

	// ActivateKey sets when the key that stands by becomes the one that signs,
	// and adds the next to stand by, in one step. ErrNotFound if that key does
	// not stand by: of many concurrent callers exactly one succeeds.
	ActivateKey(ctx context.Context, id string, at time.Time, next SigningKey, a AuditRecord) error

	// RevokeKey ends a key for good. ErrNotFound for an unknown one; revoking
	// one again changes nothing and records nothing.
	RevokeKey(ctx context.Context, id string, at time.Time, a AuditRecord) error

	// DeleteKey forgets a key.
	DeleteKey(ctx context.Context, id string) error
}
