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

// gate bounds work that holds a core for a tenth of a second and more: as much of
// it runs at once as there are slots, some waits in the order in which it came, and
// the rest is told to come back. So that everything else stays quick meanwhile, the
// process has more threads than slots: the kernel, which knows who has waited, then
// decides who gets a core. (Threads that step back by their priority were tried: the
// median under a flood was better by a half, and on a machine that others keep busy
// nobody could log in. Longer time slices for them were tried too: worse.)
type gate struct {
	slots   int
	wait    time.Duration
	queue   chan *job
	shares  *share.Shares
	closed  chan struct{}
	took    atomic.Int64 // how long a job takes, in ns, as measured
	waiting atomic.Int64
	running atomic.Int64
	done    atomic.Int64
	refused atomic.Int64
}

// job is work for a slot.
type job struct {
	ctx     context.Context
	address string // whose share of the places it has while it waits
	came    time.Time
	do      func() error
	done    chan error // holds one
}

// Counts are what a gate has done since the start, and has to do.
type Counts struct {
	Slots, Running, Waiting int64
	Done, Refused           int64
	Mean                    time.Duration // moving average of one job
}

// maxWaiting bounds the queue whatever else is measured.
const maxWaiting = 4096

// newGate returns a gate of so many slots, before which nobody waits longer than
// wait, unless two jobs take longer. A job is expected to take as long as is said,
// until one is measured.
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

// work is one slot.
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

// run does a job, unless nobody waits for it any more or it has waited too long:
// jobs take longer than they did when it came.
func (g *gate) run(j *job) error {
	begin := time.Now() //nolint:forbidigo // how long work takes; no rule depends on it
	if err := j.ctx.Err(); err != nil {
		return gaveUp(err) // who asked may find this before the end of its own context
	}
	if begin.Sub(j.came) > max(g.wait, time.Duration(2*g.took.Load())) {
		return g.refuse("waited too long for a hash slot")
	}
	g.running.Add(1)
	defer g.running.Add(-1)
	err := j.do()
	took := time.Since(begin) //nolint:forbidigo // likewise
	g.done.Add(1)
	// The average of the last ones: it moves with the load of the machine.
	g.took.Store(max(1, g.took.Load()*7/8+int64(took)/8))
	return err
}

// do runs f in a slot, or gives up when too many wait, when the address holds its
// share of the places, or when the caller has gone. Then f may still run: it must not
// write what the caller reads without an answer.
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
