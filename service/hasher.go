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
// and more, so as many run at once as there are slots, some wait in the order in
// which they came, and the rest are told to come back. So that everything else
// stays quick meanwhile, the process has more threads than slots: the kernel, which
// knows who has waited, then decides who gets a core. (Threads that step back by
// their priority were tried: the median under a flood was better by a half, and on
// a machine that others keep busy nobody could log in.)
type Hasher struct {
	cost    int
	slots   int
	wait    time.Duration
	jobs    chan *hashJob
	closed  chan struct{}
	waiting atomic.Int64
	took    atomic.Int64 // how long a hash takes, in ns, as measured
	dummy   func() (repository.PasswordHash, error)
}

// hashJob is work for a slot.
type hashJob struct {
	ctx  context.Context
	do   func() error
	done chan error // holds one
}

// maxWaiting bounds the queue whatever else is measured.
const maxWaiting = 4096

// NewHasher returns a gate of so many slots, before which nobody waits longer than
// wait. It starts to make the hash that unknown users are compared with.
func NewHasher(cost, slots int, wait time.Duration) *Hasher {
	h := &Hasher{cost: cost, slots: slots, wait: wait, jobs: make(chan *hashJob, maxWaiting), closed: make(chan struct{})}
	// Until one is measured: a hash of cost 12 takes about a quarter of a second,
	// and each step doubles that.
	h.took.Store(int64(250 * time.Millisecond << cost >> 12))
	h.dummy = sync.OnceValues(func() (repository.PasswordHash, error) {
		hash, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
		return repository.PasswordHash(hash), err
	})
	for range slots {
		go h.work()
	}
	go func() { _, _ = h.dummy() }() // the first to need it reports the error
	return h
}

// Close ends the slots, once they have done what they are at. It is called when
// nobody hashes any more.
func (h *Hasher) Close() { close(h.closed) }

// work is one slot.
func (h *Hasher) work() {
	for {
		var job *hashJob
		select {
		case job = <-h.jobs:
		case <-h.closed:
			return
		}
		h.waiting.Add(-1)
		if err := job.ctx.Err(); err != nil {
			job.done <- gaveUp(err) // who asked may find this before the end of its own context
			continue
		}
		begin := time.Now() //nolint:forbidigo // how long work takes; no rule depends on it
		job.done <- job.do()
		took := time.Since(begin) //nolint:forbidigo // likewise
		// The average of the last ones: it moves with the load of the machine.
		h.took.Store(max(1, h.took.Load()*7/8+int64(took)/8))
	}
}

// Hash returns a new hash of a password, which must not be longer than the
// policy allows. Overloaded when the queue is full.
func (h *Hasher) Hash(ctx context.Context, p Password) (hash repository.PasswordHash, err error) {
	var b []byte // not read where the slot may still write it
	err = h.inGate(ctx, func() (err error) {
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
// is that of a user who does not exist: it costs the same and never matches.
func (h *Hasher) Compare(ctx context.Context, hash repository.PasswordHash, p Password) (match bool, err error) {
	known := hash != ""
	if !known {
		if hash, err = h.dummy(); err != nil {
			return false, fmt.Errorf("make the dummy hash: %w", err)
		}
	}
	var same bool // not read where the slot may still write it
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
		same = known && len(p.text) <= maxPassword
		return nil
	})
	if err != nil {
		return false, err
	}
	return same, nil
}

// inGate runs f in a slot, or gives up when too many wait or the caller has gone.
func (h *Hasher) inGate(ctx context.Context, f func() error) error {
	places := min(maxWaiting, max(2, int64(h.slots)*int64(h.wait)/max(1, h.took.Load())))
	if h.waiting.Add(1) > places {
		h.waiting.Add(-1)
		return Overloaded(errors.New("the hash queue is full"))
	}
	job := &hashJob{ctx: ctx, do: f, done: make(chan error, 1)}
	h.jobs <- job // it holds as many as may wait
	select {
	case err := <-job.done:
		return err
	case <-ctx.Done():
		return gaveUp(ctx.Err())
	case <-h.closed:
		return Overloaded(errors.New("the process is about to end"))
	}
}

func gaveUp(err error) error { return Overloaded(fmt.Errorf("wait for a hash slot: %w", err)) }

// Overloaded is of work that nobody has time for now.
func Overloaded(err error) error {
	return &Error{
		Code: CodeOverloaded, Message: "Too much is asked of us at once. Try again in a moment.",
		Err: err, RetryAfter: 2 * time.Second,
	}
}
