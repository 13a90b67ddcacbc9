package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/repository"
)

// Hasher is bcrypt behind a gate: a hash holds a core for a tenth of a second
// and more, so only a few run at once, few wait, and the rest are told to come
// back. Everything else the process does stays quick meanwhile.
type Hasher struct {
	cost    int
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
	dummy   func() (repository.PasswordHash, error)
}

// NewHasher returns a gate of so many slots with a queue of so many places
// before it. It starts to make the hash that unknown users are compared with.
func NewHasher(cost, slots, queue int) *Hasher {
	h := &Hasher{cost: cost, slots: make(chan struct{}, slots), queue: int64(queue)}
	h.dummy = sync.OnceValues(func() (repository.PasswordHash, error) {
		hash, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
		return repository.PasswordHash(hash), err
	})
	go func() { _, _ = h.dummy() }() // the first to need it reports the error
	return h
}

// Hash returns a new hash of a password, which must not be longer than the
// policy allows. Overloaded when the queue is full.
func (h *Hasher) Hash(ctx context.Context, p Password) (hash repository.PasswordHash, err error) {
	err = h.inGate(ctx, func() error {
		b, err := bcrypt.GenerateFromPassword([]byte(p.text), h.cost)
		hash = repository.PasswordHash(b)
		return err
	})
	return hash, err
}

// Outdated reports whether a hash is of another cost than new ones.
func (h *Hasher) Outdated(hash repository.PasswordHash) bool {
	cost, err := bcrypt.Cost([]byte(hash))
	return err != nil || cost != h.cost
}

// Compare reports whether a password is the one that was hashed. An empty hash
// is that of a user who does not exist: it costs the same and never matches.
func (h *Hasher) Compare(ctx context.Context, hash repository.PasswordHash, p Password) (match bool, err error) {
	known := hash != ""
	if !known {
		if hash, err = h.dummy(); err != nil {
			return false, fmt.Errorf("make the dummy hash: %w", err)
		}
	}
	err = h.inGate(ctx, func() error {
		err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(p.text))
		switch {
		case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
			return nil
		case err != nil:
			return err
		}
		// Bcrypt ignores what follows 72 bytes, so a longer password than any
		// that was ever hashed would match.
		match = known && len(p.text) <= maxPassword
		return nil
	})
	return match, err
}

// inGate runs f in a slot, or gives up when the queue is full or the caller has
// gone.
func (h *Hasher) inGate(ctx context.Context, f func() error) error {
	if h.waiting.Add(1) > h.queue {
		h.waiting.Add(-1)
		return Overloaded(errors.New("the hash queue is full"))
	}
	select {
	case h.slots <- struct{}{}:
		h.waiting.Add(-1)
	case <-ctx.Done():
		h.waiting.Add(-1)
		return Overloaded(fmt.Errorf("wait for a hash slot: %w", ctx.Err()))
	}
	defer func() { <-h.slots }()
	return f()
}

// Overloaded is of work that nobody has time for now.
func Overloaded(err error) error {
	return &Error{
		Code: CodeOverloaded, Message: "Too many people are logging in at once. Try again in a moment.",
		Err: err, RetryAfter: 2 * time.Second,
	}
}
