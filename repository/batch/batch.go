package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Batches runs calls of one kind in batches. It is safe for concurrent use.
type Batches[C any] struct {
	run   func(ctx context.Context, calls []C)
	size  int
	limit time.Duration
	most  int
	slots chan struct{} // one element if a batch may start

	mu      sync.Mutex
	waiting []*entry[C]
	open    bool // a batch may start; the element of slots may have been taken already
	running int  // batches, of which slow ones are slow
	slow    int
}

// patience is how long a batch runs before the next one may start beside it. A batch in a healthy
// network takes a few milliseconds. While it runs, calls queue for one large batch after it, which
// costs the stores and this process much less than two small ones.
const patience = 20 * time.Millisecond

// entry is a call in the queue or in a batch.
type entry[C any] struct {
	ctx   context.Context // of the caller
	call  C
	since time.Time
	err   error         // why the call did not run
	done  chan struct{} // closed when the call has run, or will not run
}

// ErrBroken is returned for a call whose batch panicked.
var ErrBroken = errors.New("the batch was cancelled")

// New returns Batches that run batches of at most size calls: one after the other, but beside a
// batch that is slow, up to most of them at a time. limit is the longest time in the queue, and the
// time limit of a batch.
//
// run executes a batch on the goroutine of one of the callers, and stores the result of each
// call in the call. Its context expires after limit, or at the last deadline of the callers if
// that is earlier. So a caller that gives up does not cancel the other calls, and no batch
// outlasts all of its callers.
func New[C any](most, size int, limit time.Duration, run func(ctx context.Context, calls []C)) *Batches[C] {
	b := &Batches[C]{run: run, size: size, limit: limit, most: most, slots: make(chan struct{}, 1)}
	b.admit()
	return b
}

// Do returns when the call has run. An error means that it has not completed: the error of ctx
// if ctx ended while the call was queued, context.DeadlineExceeded if it was queued for too
// long, or ErrBroken.
func (b *Batches[C]) Do(ctx context.Context, call C) error {
	e := &entry[C]{ctx: ctx, call: call, since: time.Now(), done: make(chan struct{})} //nolint:forbidigo // measures the wait; no rule depends on it
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
		case <-b.slots:
			if b.turn(ctx, e) {
				continue
			}
			<-e.done // another goroutine runs it; leave the slots to the queued calls
			return e.err
		}
	}
}

// turn runs the next batch, unless mine is in a batch already. Older calls come first, so mine
// may still be queued afterwards; turn reports that.
func (b *Batches[C]) turn(ctx context.Context, mine *entry[C]) (waits bool) {
	end := b.occupy()
	defer end()
	if batch := b.take(mine); len(batch) > 0 {
		b.do(ctx, batch)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.waiting, mine)
}

// admit opens a slot if a batch may start: the batches that run are all slow, and not too many. The
// caller holds mu.
func (b *Batches[C]) admit() {
	if !b.open && b.running == b.slow && b.running < b.most {
		b.open = true
		b.slots <- struct{}{}
	}
}

// occupy takes the slot of a batch that begins, and returns the function that ends it.
func (b *Batches[C]) occupy() (end func()) {
	var slow, ended bool // guarded by mu
	b.mu.Lock()
	b.open = false
	b.running++
	b.mu.Unlock()
	stop := func() bool { return true }
	if b.most > 1 {
		stop = time.AfterFunc(patience, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if !ended {
				slow = true
				b.slow++
				b.admit()
			}
		}).Stop
	}
	return func() {
		stop()
		b.mu.Lock()
		defer b.mu.Unlock()
		ended = true
		b.running--
		if slow {
			b.slow--
		}
		b.admit()
	}
}

// take removes the oldest calls from the queue and returns them. It returns none if mine is no
// longer queued. It drops a call whose caller has given up, because the process may have been
// suspended for minutes, and a call that was queued for too long. A slot becomes free after
// limit at the latest, so calls need no timer.
func (b *Batches[C]) take(mine *entry[C]) (batch []*entry[C]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.waiting, mine) {
		return nil
	}
	now, n := time.Now(), 0 //nolint:forbidigo // as above
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

// over returns the reason why a call must not run any more, or nil. It compares the deadline
// itself, because the timer of a context may fire late after a suspension.
func (e *entry[C]) over(now time.Time, limit time.Duration) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := e.ctx.Deadline(); ok && !now.Before(deadline) || now.Sub(e.since) >= limit {
		return context.DeadlineExceeded
	}
	return nil
}

// deadline returns the deadline of a batch that begins now.
func (b *Batches[C]) deadline(batch []*entry[C]) time.Time {
	limit, last := time.Now().Add(b.limit), time.Time{} //nolint:forbidigo // as above
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

// withdraw removes a call from the queue. It reports whether the call was still queued.
func (b *Batches[C]) withdraw(e *entry[C]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, e)
	if i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
	return i >= 0
}
