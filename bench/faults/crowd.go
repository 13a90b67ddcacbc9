package main

import (
	"context"
	"sync"
	"time"

	"latchkey/bench/faults/servers"
)

// crowd is the clients of one part.
type crowd struct {
	name    string
	t       *tally
	ctx     context.Context // of the part
	cancel  context.CancelFunc
	clients []*honest
	running sync.WaitGroup // the clients
	others  sync.WaitGroup // thieves, checks, judgements
}

// kinds gives each client what it does besides its refreshes.
func (h *honest) kind(i int) {
	h.cookie, h.lossy = i%5 == 1, i%5 == 0
	h.leaves, h.ends = i%7 == 2, i%7 == 4
	h.timeout = time.Duration(5+i%4*5) * time.Second // 5 to 20 s: HAProxy gives up after 15 s
}

// gather starts fresh sessions for all clients.
func (r *rig) gather(ctx context.Context, name string, grace time.Duration) *crowd {
	c := &crowd{name: name, t: newTally()}
	c.ctx, c.cancel = context.WithCancel(ctx)
	r.setCrowd(c)
	for i, a := range r.accounts {
		h := &honest{r: r, t: c.t, account: a, grace: grace, timeout: callTimeout}
		if i < r.times.clients {
			h.kind(i)
		} else {
			h.victim = true
		}
		c.clients = append(c.clients, h)
		c.running.Go(func() { h.run(c.ctx) })
	}
	c.running.Go(func() { r.graves.watch(c.ctx, c.t) })
	return c
}

// end stops the clients and waits for all that they have started.
func (c *crowd) end() {
	c.cancel()
	c.running.Wait()
	c.others.Wait()
}

// watch begins a measurement at a fault.
func (c *crowd) watch() {
	for _, h := range c.clients {
		h.watch()
	}
}

// recovered waits until each client has refreshed since a time, and returns how long
// after that the last of them did so. Victims do not count. After a minute it gives up.
func (c *crowd) recovered(ctx context.Context, since time.Time) (took time.Duration, worst time.Duration, missing int) {
	for begin := time.Now(); ; servers.Pause(ctx, 50*time.Millisecond) {
		took, worst, missing = 0, 0, 0
		for _, h := range c.clients {
			if h.victim {
				continue
			}
			first, gap := h.since(since)
			if first.IsZero() {
				missing++
				continue
			}
			took, worst = max(took, first.Sub(since)), max(worst, gap)
		}
		if missing == 0 || ctx.Err() != nil || time.Since(begin) > time.Minute {
			return took, worst, missing
		}
	}
}
