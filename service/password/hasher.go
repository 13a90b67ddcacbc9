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

// Hasher runs bcrypt behind a gate.
type Hasher struct {
	cost  int
	gate  *gate
	dummy func() (repository.PasswordHash, error)
}

// NewHasher returns a Hasher that runs at most slots hashes at a time and queues a caller for at
// most wait.
func NewHasher(cost, slots int, wait time.Duration) *Hasher {
	// The expected duration until one is measured: a hash of cost 12 takes about a quarter of a
	// second, and each step doubles that.
	h := &Hasher{cost: cost, gate: newGate(slots, wait, 250*time.Millisecond<<cost>>12)}
	h.dummy = sync.OnceValues(func() (repository.PasswordHash, error) {
		hash, err := bcrypt.GenerateFromPassword([]byte("no user has this password"), cost)
		return repository.PasswordHash(hash), err
	})
	return h
}

// Prepare starts to compute the hash that is compared for unknown users, so that the first login of
// an unknown user does not wait for it. The first use reports an error.
func (h *Hasher) Prepare() { go func() { _, _ = h.dummy() }() }

// Close stops the slots after their current jobs. Call it when no caller hashes any more.
func (h *Hasher) Close() { h.gate.close() }

// Counts returns the counts of the gate.
func (h *Hasher) Counts() Counts { return h.gate.counts() }

// Hash returns a new hash of a password, which must not be longer than the policy allows. The
// address is the origin of the request; empty: the request has no address. It returns overloaded if
// the queue is full or the address has used its share.
func (h *Hasher) Hash(ctx context.Context, address string, p Password) (hash repository.PasswordHash, err error) {
	var b []byte // not read while the slot may still write it
	err = h.gate.do(ctx, share.Prefix(address), func() (err error) {
		b, err = bcrypt.GenerateFromPassword([]byte(p.text), h.cost)
		return err
	})
	if err != nil {
		return "", err
	}
	return repository.PasswordHash(b), nil
}

// Outdated reports whether the cost of a hash differs from the cost of new hashes.
func (h *Hasher) Outdated(hash repository.PasswordHash) bool {
	cost, err := bcrypt.Cost([]byte(hash))
	return err != nil || cost != h.cost
}

// Compare reports whether a password matches a hash. An empty hash stands for a user who does not
// exist: it takes the same time and never matches. The address is as in Hash.
func (h *Hasher) Compare(ctx context.Context, address string, hash repository.PasswordHash, p Password) (match bool, err error) {
	known := hash != ""
	if !known {
		if hash, err = h.dummy(); err != nil {
			return false, fmt.Errorf("make the dummy hash: %w", err)
		}
	}
	var same bool // not read while the slot may still write it
	err = h.gate.do(ctx, share.Prefix(address), func() error {
		err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(p.text))
		switch {
		case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
			return nil
		case err != nil:
			return err
		}
		// Bcrypt ignores bytes after the 72nd, so a password longer than any hashed one would
		// match.
		same = known && len(p.text) <= maxPassword
		return nil
	})
	if err != nil {
		return false, err
	}
	return same, nil
}
