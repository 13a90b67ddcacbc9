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

// entry is a call that its caller waits for.
type entry[C any] struct {
	ctx   context.Context // of the caller
	call  C
	since time.Time
	err   error         // why it was not done
	done  chan struct{} // closed once it is done, or will not be
}

// ErrBroken is of a call whose batch ended in a panic.
var ErrBroken = errors.New("the batch was broken off")

// New returns batches of at most size calls, of which so many may be under way at
// once. No call waits longer than limit for its turn, and no batch has longer. Run
// does one, and leaves the result of each call in it; it runs on the goroutine of one
// of the callers. Its context ends with limit, or with the last deadline of its
// callers if that is sooner: no caller that gives up takes the others along, and no
// call gets more time than its caller has.
func New[C any](turns, size int, limit time.Duration, run func(ctx context.Context, calls []C)) *Batches[C] {
	return &Batches[C]{run: run, size: size, limit: limit, turns: make(chan struct{}, turns)}
}

// Do returns once the call is done. An error says that it is not: that of ctx, where
// it ended before anybody had begun; context.DeadlineExceeded, where its turn came too
// late; else ErrBroken.
func (b *Batches[C]) Do(ctx context.Context, call C) error {
	e := &entry[C]{ctx: ctx, call: call, since: time.Now(), done: make(chan struct{})} //nolint:forbidigo // how long it waits; no rule depends on it
	b.mu.Lock()
	b.waiting = append(b.waiting, e)
	b.mu.Unlock()
	for {
		select {
		case <-e.done:
			return e.err
		case <-ctx.Done():
			if b.withdraw(e) {
				return ctx.Err()
			}
			<-e.done
			return e.err
		case b.turns <- struct{}{}:
			if b.turn(ctx, e) {
				continue
			}
			<-e.done // and no more turns: another has it, and they are for those who wait
			return e.err
		}
	}
}

// turn does the next batch, unless mine is in one already. Those who came before come
// first: it reports whether mine waits still.
func (b *Batches[C]) turn(ctx context.Context, mine *entry[C]) (waits bool) {
	defer func() { <-b.turns }()
	if batch := b.take(mine); len(batch) > 0 {
		b.do(ctx, batch)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.waiting, mine)
}

// take takes the calls that have waited longest, or nothing where mine does not wait
// any more. A call whose caller has given up is not done: the process may have stood
// still for minutes. Nor is one that has waited too long: a turn comes no later than a
// batch lasts, so no call needs a timer.
func (b *Batches[C]) take(mine *entry[C]) (batch []*entry[C]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.waiting, mine) {
		return nil
	}
	now, n := time.Now(), 0 //nolint:forbidigo // likewise
	for ; n < len(b.waiting) && len(batch) < b.size; n++ {
		e := b.waiting[n]
		if e.err = e.over(now, b.limit); e.err == nil {
			batch = append(batch, e)
			continue
		}
		close(e.done)
	}
	b.waiting = slices.Delete(b.waiting, 0, n)
	return batch
}

// over is why a call is not done any more, or nil. The timer of a context may be late
// where the process stood still.
func (e *entry[C]) over(now time.Time, limit time.Duration) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := e.ctx.Deadline(); ok && !now.Before(deadline) || now.Sub(e.since) >= limit {
		return context.DeadlineExceeded
	}
	return nil
}

// deadline is when a batch that begins now must be done.
func (b *Batches[C]) deadline(batch []*entry[C]) time.Time {
	limit, last := time.Now().Add(b.limit), time.Time{} //nolint:forbidigo // likewise
	for _, e := range batch {
		d, ok := e.ctx.Deadline()
		if !ok || d.After(limit) {
			return limit
		}
		if d.After(last) {
			last = d
		}
	}
	return last
}

func (b *Batches[C]) do(ctx context.Context, batch []*entry[C]) {
	calls := make([]C, len(batch))
	for i, e := range batch {
		calls[i], e.err = e.call, ErrBroken // until run returns
	}
	defer func() {
		for _, e := range batch {
			close(e.done)
		}
	}()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), b.deadline(batch))
	defer cancel()
	b.run(ctx, calls)
	for _, e := range batch {
		e.err = nil
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
