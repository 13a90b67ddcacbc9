package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections are the connections on which a request is, or may be, in progress: accepted and
// not idle.
type connections struct {
	mu   sync.Mutex
	busy map[net.Conn]struct{}
}

// track implements http.Server.ConnState.
func (c *connections) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive:
		c.busy[conn] = struct{}{}
	case http.StateIdle, http.StateHijacked, http.StateClosed:
		delete(c.busy, conn)
	}
}

// wait returns when no connection is busy, or ctx is done.
func (c *connections) wait(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		c.mu.Lock()
		n := len(c.busy)
		c.mu.Unlock()
		if n == 0 {
			return
		}
		<-tick.C
	}
}
