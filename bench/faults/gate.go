package main

import (
	"net"
	"sync"
)

// gate decides what happens to the bytes of the links of one replica. A gate passes
// bytes, holds them (nothing is lost, all is delivered later), or is cut (each
// connection is closed, and so is each new one).
type gate struct {
	mu     sync.Mutex
	cut    bool
	passes chan struct{} // closed while bytes pass
	conns  map[net.Conn]struct{}
}

func newGate() *gate {
	g := &gate{passes: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(g.passes)
	return g
}

// Hold keeps all bytes back until Pass or Cut.
func (g *gate) Hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.passes:
		g.passes = make(chan struct{})
	default:
	}
}

// Pass delivers what was held, and all that follows.
func (g *gate) Pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = false
	g.open()
}

// Cut closes all connections and refuses new ones until Pass.
func (g *gate) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = true
	for c := range g.conns {
		reset(c)
	}
	clear(g.conns)
	g.open()
}

func (g *gate) open() {
	select {
	case <-g.passes:
	default:
		close(g.passes)
	}
}

// wait returns when bytes may pass.
func (g *gate) wait() {
	g.mu.Lock()
	passes := g.passes
	g.mu.Unlock()
	<-passes
}

// add registers a connection, so that Cut closes it. It reports false if the gate is cut.
func (g *gate) add(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.cut {
		g.conns[c] = struct{}{}
	}
	return !g.cut
}

func (g *gate) remove(c net.Conn) {
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
