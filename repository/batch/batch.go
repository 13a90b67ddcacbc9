// Package batch lets calls that come at the same time share one trip to a store, or
// one write to a disk. Nobody waits for company: a call that finds a turn free goes
// at once, and the next batch is whatever has come meanwhile.
package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Batches does calls of one kind. It is safe for concurrent use.
type Batches[C any] struct {
	run   func(ctx context.Context, calls []C)
	size  int
	limit time.Duration
	turns chan struct{} // one in it for each batch that is under way

	mu      sync.Mutex
	waiting []*entry[C]
}

// entry is a call that somebody waits for.
type entry[C any] struct {
	call   C
	broken bool          // it was begun, and run did not return
	done   chan struct{} // closed once it is done
}

// ErrBroken is of a call whose batch ended in a panic.
var ErrBroken = errors.New("the batch was broken off")

// New returns batches of at most size calls, of which so many may be under way at
// once. No call waits longer than limit for its turn, and no batch has longer. Run
// does one, and leaves the result of each call in it; it runs on the goroutine of one
// of the callers, with its context, which ends with limit and not before: nobody who
// gives up takes the others along.
func New[C any](turns, size int, limit time.Duration, run func(ctx context.Context, calls []C)) *Batches[C] {
	return &Batches[C]{run: run, size: size, limit: limit, turns: make(chan struct{}, turns)}
}

// Do returns once the call is done. An error says that it is not: that of ctx, where
// it or the limit ended before anybody had begun; else ErrBroken.
func (b *Batches[C]) Do(ctx context.Context, call C) error {
	e := &entry[C]{call: call, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, e)
	b.mu.Unlock()
	waiting, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	for {
		select {
		case <-e.done:
			return e.result()
		case <-waiting.Done():
			if b.withdraw(e) {
				return waiting.Err()
			}
			<-e.done
			return e.result()
		case b.turns <- struct{}{}:
			b.turn(waiting, e)
		}
	}
}

func (e *entry[C]) result() error {
	if e.broken {
		return ErrBroken
	}
	return nil
}

// turn does the next batch, unless mine is in one already, or has waited too long.
// Those who came before come first: mine may be in one after it.
func (b *Batches[C]) turn(waiting context.Context, mine *entry[C]) {
	defer func() { <-b.turns }()
	if waiting.Err() != nil {
		return
	}
	if batch := b.take(mine); len(batch) > 0 {
		b.do(waiting, batch)
	}
}

// take takes those who have waited longest, or nothing where mine does not wait any
// more.
func (b *Batches[C]) take(mine *entry[C]) []*entry[C] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.waiting, mine) {
		return nil
	}
	n := min(len(b.waiting), b.size)
	batch := slices.Clone(b.waiting[:n])
	b.waiting = slices.Delete(b.waiting, 0, n)
	return batch
}

func (b *Batches[C]) do(ctx context.Context, batch []*entry[C]) {
	calls := make([]C, len(batch))
	for i, e := range batch {
		calls[i], e.broken = e.call, true
	}
	defer func() {
		for _, e := range batch {
			close(e.done)
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.limit)
	defer cancel()
	b.run(ctx, calls)
	for _, e := range batch {
		e.broken = false
	}
}

// withdraw takes back a call that nobody has begun.
func (b *Batches[C]) withdraw(e *entry[C]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, e)
	if i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
	return i >= 0
}
