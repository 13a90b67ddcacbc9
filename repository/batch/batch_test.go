package batch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/repository/batch"
)

// call is a number to double.
type call struct{ n, twice int }

// doubling doubles numbers, and holds each batch until the test releases it.
type doubling struct {
	*batch.Batches[*call]
	begun chan []int // the numbers of each batch
	goOn  chan struct{}
}

func newDoubling(turns, size int) *doubling {
	d := &doubling{begun: make(chan []int, 1000), goOn: make(chan struct{}, 1000)}
	d.Batches = batch.New(turns, size, time.Minute, func(_ context.Context, calls []*call) {
		var list []int
		for _, c := range calls {
			list = append(list, c.n)
		}
		d.begun <- list
		<-d.goOn
		for _, c := range calls {
			c.twice = 2 * c.n
		}
	})
	return d
}

// start begins calls in their order.
func (d *doubling) start(t *testing.T, numbers ...int) (wait func()) {
	t.Helper()
	var all sync.WaitGroup
	for _, n := range numbers {
		all.Go(func() {
			c := &call{n: n}
			if err := d.Do(t.Context(), c); err != nil || c.twice != 2*n {
				t.Errorf("%d: %d, %v", n, c.twice, err)
			}
		})
		synctest.Wait() // until it is queued; otherwise the order is undefined
	}
	return all.Wait
}

func TestDo_SingleCallRunsImmediately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(1, 10)
		d.goOn <- struct{}{}
		d.start(t, 1)()
		if got := <-d.begun; !slices.Equal(got, []int{1}) {
			t.Errorf("%v", got)
		}
	})
}

func TestDo_QueuedCallsFormTheNextBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(1, 3)
		wait := d.start(t, 1, 2, 3, 4, 5)
		for _, want := range [][]int{{1}, {2, 3, 4}, {5}} {
			if got := <-d.begun; !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			d.goOn <- struct{}{}
		}
		wait()
	})
}

// TestDo_StartsABatchBesideASlowOne lets batches take longer than 20 ms. One more may then run
// beside them, but no third. When they have ended, batches run one after the other again.
func TestDo_StartsABatchBesideASlowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(2, 10)
		begun := func(after time.Duration, want ...int) {
			t.Helper()
			time.Sleep(after) // of the clock of the bubble
			synctest.Wait()
			select {
			case got := <-d.begun:
				if !slices.Equal(got, want) {
					t.Errorf("%v began, want %v", got, want)
				}
			default:
				if len(want) > 0 {
					t.Errorf("nothing began, want %v", want)
				}
			}
		}
		for range 2 {
			wait := d.start(t, 1, 2, 3)
			begun(0, 1)
			begun(19 * time.Millisecond)
			begun(time.Millisecond, 2, 3)
			rest := d.start(t, 4)
			begun(10 * time.Second)
			d.goOn <- struct{}{}
			begun(0, 4)
			begun(10 * time.Second)
			d.goOn <- struct{}{}
			d.goOn <- struct{}{}
			wait()
			rest()
		}
	})
}

func TestDo_CancelledCallLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(1, 10)
		wait := d.start(t, 1)
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() { given <- d.Do(ctx, &call{n: 2}) }()
		synctest.Wait()
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		rest := d.start(t, 3)
		d.goOn <- struct{}{}
		d.goOn <- struct{}{}
		wait()
		rest()
		if a, b := <-d.begun, <-d.begun; !slices.Equal(a, []int{1}) || !slices.Equal(b, []int{3}) {
			t.Errorf("%v %v", a, b)
		}
	})
}

func TestDo_StartedCallCompletesAfterCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(1, 10)
		ctx, cancel := context.WithCancel(t.Context())
		c, done := &call{n: 1}, make(chan error)
		go func() { done <- d.Do(ctx, c) }()
		<-d.begun
		cancel()
		d.goOn <- struct{}{}
		if err := <-done; err != nil || c.twice != 2 {
			t.Errorf("%v %v", c, err)
		}
	})
}

func TestDo_ReturnsWithinTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 50 * time.Millisecond
		b := batch.New(1, 1, limit, func(ctx context.Context, _ []*call) { <-ctx.Done() })
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				begun := time.Now()
				err := b.Do(t.Context(), &call{})
				if took := time.Since(begun); took > 2*limit || err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v after %s", err, took)
				}
			})
		}
		all.Wait()
	})
}

func TestDo_PanicEndsOnlyItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first atomic.Bool
		begun, goOn := make(chan struct{}, 10), make(chan struct{}, 10)
		b := batch.New(1, 10, time.Minute, func(context.Context, []*call) {
			begun <- struct{}{}
			<-goOn
			if first.CompareAndSwap(false, true) {
				panic("a bug")
			}
		})
		caught := make(chan any)
		go func() {
			defer func() { caught <- recover() }()
			_ = b.Do(t.Context(), &call{})
		}()
		<-begun
		second := make(chan error)
		go func() { second <- b.Do(t.Context(), &call{}) }()
		goOn <- struct{}{}
		goOn <- struct{}{}
		if v := <-caught; v != "a bug" {
			t.Errorf("%v", v)
		}
		if err := <-second; err != nil {
			t.Errorf("the one after it: %v", err)
		}
	})
}

func TestDo_CallsOfABrokenBatchGetErrBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held, begun := make(chan struct{}), make(chan int, 10)
		b := batch.New(1, 10, time.Minute, func(_ context.Context, calls []*call) {
			begun <- len(calls)
			<-held
			if len(calls) > 1 {
				panic("a bug")
			}
		})
		results := make(chan error, 3)
		try := func() {
			defer func() {
				if recover() != nil {
					results <- nil // the caller whose goroutine ran the batch
				}
			}()
			if err := b.Do(t.Context(), &call{}); err != nil {
				results <- err
			}
		}
		go try()
		<-begun
		go try()
		go try()
		synctest.Wait()
		close(held)
		var told []error
		for range 2 {
			told = append(told, <-results)
		}
		if !slices.ContainsFunc(told, func(err error) bool { return errors.Is(err, batch.ErrBroken) }) {
			t.Errorf("%v", told)
		}
	})
}

func TestDo_EveryCallRunsOnce(t *testing.T) {
	b := batch.New(2, 7, time.Minute, func(_ context.Context, calls []*call) {
		for _, c := range calls {
			c.twice += 2 * c.n
		}
	})
	var all sync.WaitGroup
	for g := range 50 {
		all.Go(func() {
			for i := range 200 {
				c := &call{n: 1000*g + i}
				if err := b.Do(t.Context(), c); err != nil || c.twice != 2*c.n {
					t.Errorf("%v %v", c, err)
				}
			}
		})
	}
	all.Wait()
}

// TestDo_ExpiredCallDoesNotRun tests callers whose context ended while the call was
// queued, and whose goroutine has not noticed yet.
func TestDo_ExpiredCallDoesNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(1, 10)
		first := d.start(t, 1)
		<-d.begun
		ctx := &late{Context: t.Context(), deadline: time.Now().Add(20 * time.Millisecond)}
		gaveUp := make(chan error)
		go func() { gaveUp <- d.Do(ctx, &call{n: 2}) }()
		synctest.Wait()
		third := d.start(t, 3)
		time.Sleep(time.Until(ctx.deadline)) // of the clock of the bubble
		d.goOn <- struct{}{}
		if got := <-d.begun; !slices.Equal(got, []int{3}) {
			t.Errorf("the next batch is %v, want [3]", got)
		}
		d.goOn <- struct{}{}
		first()
		third()
		if err := <-gaveUp; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the call that was not done: %v", err)
		}
	})
}

// late is a context whose timer does not fire, as in a suspended process.
type late struct {
	context.Context
	deadline time.Time
}

func (l *late) Deadline() (time.Time, bool) { return l.deadline, true }

// TestBatch_DeadlineIsTheLastOfItsCallers tests the deadline of a batch: the last deadline of
// its callers, but no later than its limit.
func TestBatch_DeadlineIsTheLastOfItsCallers(t *testing.T) {
	for name, c := range map[string]struct{ callers, limit, want time.Duration }{
		"a caller with little time": {time.Second, time.Minute, time.Second},
		"a caller with much time":   {time.Hour, time.Minute, time.Minute},
		"a caller without an end":   {0, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			var left time.Duration
			b := batch.New(1, 10, c.limit, func(ctx context.Context, _ []*call) {
				deadline, _ := ctx.Deadline()
				left = time.Until(deadline)
			})
			ctx := t.Context()
			if c.callers > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.callers)
				defer cancel()
			}
			if err := b.Do(ctx, &call{}); err != nil {
				t.Fatal(err)
			}
			if left > c.want || left < c.want-time.Second/2 {
				t.Errorf("the batch has %s, want %s", left, c.want)
			}
		})
	}
}
