package network

import (
	"net"
	"sync"
)

// Gate decides what happens to the bytes of the links of one replica. A gate passes
// bytes, holds them (nothing is lost, all is delivered later), or is cut (each
// connection is closed, and so is each new one).
type Gate struct {
	mu     sync.Mutex
	cut    bool
	passes chan struct{} // closed while bytes pass
	conns  map[net.Conn]struct{}
}

// NewGate returns an open gate.
func NewGate() *Gate {
	g := &Gate{passes: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(g.passes)
	return g
}

// Hold keeps all bytes back until Pass or Cut.
func (g *Gate) Hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.passes:
		g.passes = make(chan struct{})
	default:
	}
}

// Pass delivers what was held, and all that follows.
func (g *Gate) Pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = false
	g.open()
}

// Cut closes all connections and refuses new ones until Pass.
func (g *Gate) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = true
	for c := range g.conns {
		reset(c)
	}
	clear(g.conns)
	g.open()
}

func (g *Gate) open() {
	select {
	case <-g.passes:
	default:
		close(g.passes)
	}
}

// wait returns when bytes may pass.
func (g *Gate) wait() {
	g.mu.Lock()
	passes := g.passes
	g.mu.Unlock()
	<-passes
}

// add registers a connection, so that Cut closes it. It reports false if the gate is cut.
func (g *Gate) add(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.cut {
		g.conns[c] = struct{}{}
	}
	return !g.cut
}

func (g *Gate) remove(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

// reset closes a connection at once. Bytes that are under way are lost.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
