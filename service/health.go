package service

import (
	"context"
	"sync/atomic"

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

// Check asks both stores.
func (h *Health) Check(ctx context.Context) State {
	return State{
		Mode:         h.mode,
		Database:     h.database.Ping(ctx) == nil,
		SessionStore: h.sessions.Ping(ctx) == nil,
		Draining:     h.draining.Load(),
	}
}

// Drain makes the service report that it is not ready, for its last moments.
func (h *Health) Drain() { h.draining.Store(true) }

// Draining reports whether Drain was called.
func (h *Health) Draining() bool { return h.draining.Load() }
