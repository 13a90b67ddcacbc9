package password

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/internal/share"
	"latchkey/repository"
)

// Hasher is bcrypt behind a gate.
type Hasher struct {
	cost  int
	gate  *gate
	dummy func() (repository.PasswordHash, error)
}

// NewHasher returns a hasher of so many slots, before which nobody waits longer
// than wait.
func NewHasher(cost, slots int, wait time.Duration) *Hasher {
	// Until one is measured: a hash of cost 12 takes about a quarter of a second,
	// and each step doubles that.
	h := &Hasher{cost: cost, gate: newGate(slots, wait, 250*time.Millisecond<<cost>>12)}
	h.dummy = sync.OnceValues(func() (repository.PasswordHash, error) {
		hash, err := bcrypt.GenerateFromPassword([]byte("no user has this password"), cost)
		return repository.PasswordHash(hash), err
	})
	return h
}

// Prepare starts to make the hash that unknown users are compared with, so that
// the first of them need not wait for it; who needs it reports the error.
func (h *Hasher) Prepare() { go func() { _, _ = h.dummy() }() }

// Close ends the slots, once they have done what they are at. It is called when
// nobody hashes any more.
func (h *Hasher) Close() { h.gate.close() }

// Counts returns what the gate has done and has to do.
func (h *Hasher) Counts() Counts { return h.gate.counts() }

// Hash returns a new hash of a password, which must not be longer than the
// policy allows, for a request from an address; empty: from none. Overloaded when the
// queue is full, or the address has its share of it.
func (h *Hasher) Hash(ctx context.Context, address string, p Password) (hash repository.PasswordHash, err error) {
	var b []byte // not read where the slot may still write it
	err = h.gate.do(ctx, share.Prefix(address), func() (err error) {
		b, err = bcrypt.GenerateFromPassword([]byte(p.text), h.cost)
		return err
	})
	if err != nil {
		return "", err
	}
	return repository.PasswordHash(b), nil
}

// Outdated reports whether a hash is of another cost than new ones.
func (h *Hasher) Outdated(hash repository.PasswordHash) bool {
	cost, err := bcrypt.Cost([]byte(hash))
	return err != nil || cost != h.cost
}

// Compare reports whether a password is the one that was hashed. An empty hash
// is that of a user who does not exist: it costs the same and never matches. The
// address is as in Hash.
func (h *Hasher) Compare(ctx context.Context, address string, hash repository.PasswordHash, p Password) (match bool, err error) {
	known := hash != ""
	if !known {
		if hash, err = h.dummy(); err != nil {
			return false, fmt.Errorf("make the dummy hash: %w", err)
		}
	}
	var same bool // not read where the slot may still write it
	err = h.gate.do(ctx, share.Prefix(address), func() error {
		err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(p.text))
		switch {
		case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
			return nil
		case err != nil:
			return err
		}
		// Bcrypt ignores what follows 72 bytes, so a longer password than any
		// that was ever hashed would match.
		same = known && len(p.text) <= maxPassword
		return nil
	})
	if err != nil {
		return false, err
	}
	return same, nil
}
