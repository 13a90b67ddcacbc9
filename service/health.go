package service

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/repository"
)

// Health says whether the stores answer.
type Health struct {
	database repository.Pinger
	sessions repository.Pinger
	mode     string
	draining atomic.Bool
}

// NewHealth returns the health of a store; mode names the set of stores for
// people.
func NewHealth(store repository.Store, mode string) *Health {
	return &Health{database: store.Database, sessions: store.SessionStore, mode: mode}
}

// State is what Health found.
type State struct {
	Mode         string
	Database     bool // answers
	SessionStore bool // answers
	Draining     bool // the process is about to stop
}

// Ready reports whether requests should come here.
func (s State) Ready() bool { return s.Database && s.SessionStore && !s.Draining }

// pingTimeout bounds the question to one store, so that one that hangs is not
// mistaken for both.
const pingTimeout = time.Second

// Check asks both stores at once.
func (h *Health) Check(ctx context.Context) State {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	state := State{Mode: h.mode, Draining: h.draining.Load()}
	var both sync.WaitGroup
	both.Go(func() { state.Database = h.database.Ping(ctx) == nil })
	both.Go(func() { state.SessionStore = h.sessions.Ping(ctx) == nil })
	both.Wait()
	return state
}

// Drain makes the service report that it is not ready, for its last moments.
func (h *Health) Drain() { h.draining.Store(true) }

// Draining reports whether Drain was called.
func (h *Health) Draining() bool { return h.draining.Load() }
