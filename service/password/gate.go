package password

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"latchkey/internal/share"
	"latchkey/service"
)

// gate bounds jobs that occupy a core for a tenth of a second or longer. At most one job per slot
// runs at a time. A limited number of jobs wait in order of arrival, and the remaining ones are
// refused. The process has more threads than slots, so that other work stays fast: the kernel,
// which knows how long each thread has waited, decides which thread gets a core. docs/adr/0009 has the
// alternatives that were tried.
type gate struct {
	slots   int
	wait    time.Duration
	queue   chan *job
	shares  *share.Shares
	closed  chan struct{}
	took    atomic.Int64 // average duration of a job, in ns, as measured
	waiting atomic.Int64
	running atomic.Int64
	done    atomic.Int64
	refused atomic.Int64
}

// job is work for a slot.
type job struct {
	ctx     context.Context
	address string // the job counts against the queue share of this address
	came    time.Time
	do      func() error
	done    chan error // buffered, for one result
}

// Counts are the completed and pending jobs of a gate since the start.
type Counts struct {
	Slots, Running, Waiting int64
	Done, Refused           int64
	Mean                    time.Duration // moving average of the duration of a job
}

// maxWaiting bounds the queue, whatever the measured duration.
const maxWaiting = 4096

// newGate returns a gate of slots slots, in which a caller waits at most wait, or two jobs if that
// is longer. A job is expected to take expected until one is measured.
func newGate(slots int, wait, expected time.Duration) *gate {
	g := &gate{slots: slots, wait: wait, queue: make(chan *job, maxWaiting), shares: share.New(), closed: make(chan struct{})}
	g.took.Store(int64(expected))
	for range slots {
		go g.work()
	}
	return g
}

func (g *gate) close() { close(g.closed) }

func (g *gate) counts() Counts {
	return Counts{
		Slots: int64(g.slots), Running: g.running.Load(), Waiting: g.waiting.Load(), Done: g.done.Load(), Refused: g.refused.Load(),
		Mean: time.Duration(g.took.Load()),
	}
}

// work runs the jobs of one slot.
func (g *gate) work() {
	for {
		select {
		case j := <-g.queue:
			g.waiting.Add(-1)
			g.shares.Return(j.address)
			j.done <- g.run(j)
		case <-g.closed:
			return
		}
	}
}

// run runs a job, unless its caller has gone or it has waited too long because jobs take longer now
// than when it was queued.
func (g *gate) run(j *job) error {
	begin := time.Now() //nolint:forbidigo // to measure the duration of work; no rule depends on it
	if err := j.ctx.Err(); err != nil {
		return gaveUp(err) // the caller may receive this before its own context ends
	}
	if begin.Sub(j.came) > max(g.wait, time.Duration(2*g.took.Load())) {
		return g.refuse("waited too long for a hash slot")
	}
	g.running.Add(1)
	defer g.running.Add(-1)
	err := j.do()
	took := time.Since(begin) //nolint:forbidigo // likewise
	g.done.Add(1)
	// A moving average, which follows the load of the machine.
	g.took.Store(max(1, g.took.Load()*7/8+int64(took)/8))
	return err
}

// do runs f in a slot. It gives up if the queue is full, if the address has used its share of the
// queue, or if the caller's context ends. f may still run after do gives up, so it must not write
// to variables that the caller reads in that case.
func (g *gate) do(ctx context.Context, address string, f func() error) error {
	places := min(maxWaiting, max(2, int64(g.slots)*int64(g.wait)/max(1, g.took.Load())))
	if !g.shares.Take(address, share.Of(int(places))) {
		return g.refuse("the address has used its share of the hash queue")
	}
	if g.waiting.Add(1) > places {
		g.waiting.Add(-1)
		g.shares.Return(address)
		return g.refuse("the hash queue is full")
	}
	j := &job{ctx: ctx, address: address, came: time.Now(), do: f, done: make(chan error, 1)} //nolint:forbidigo // likewise
	g.queue <- j                                                                              // it holds as many as may wait
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return gaveUp(ctx.Err())
	case <-g.closed:
		return service.Overloaded(errors.New("the service is shutting down"))
	}
}

func (g *gate) refuse(why string) error {
	g.refused.Add(1)
	return service.Overloaded(errors.New(why))
}

func gaveUp(err error) error { return service.Overloaded(fmt.Errorf("wait for a hash slot: %w", err)) }
