package service

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/repository"
)

// Health says whether the stores answer.
type Health struct {
	database repository.Pinger
	sessions repository.Pinger
	clock    repository.Clock // or nil
	mode     string
	now      func() time.Time
	draining atomic.Bool
}

// NewHealth returns the health of a store; mode names the set of stores for
// people.
func NewHealth(store repository.Store, mode string, now func() time.Time) *Health {
	return &Health{database: store.Database, sessions: store.SessionStore, clock: store.Clock, mode: mode, now: now}
}

// State is what Health found. The errors say why something is not as it should be.
type State struct {
	Mode            string
	DatabaseErr     error
	SessionStoreErr error
	ClockErr        error
	Ahead           time.Duration // of our clock before that of the database
	Draining        bool          // the process is about to stop
}

// Ready reports whether requests should come here.
func (s State) Ready() bool {
	return s.DatabaseErr == nil && s.SessionStoreErr == nil && s.ClockErr == nil && !s.Draining
}

const (
	// pingTimeout bounds the question to one store, so that one that hangs is not
	// mistaken for both.
	pingTimeout = time.Second
	// maxAhead is how far our clock may be off that of the database: beyond it
	// tokens would be refused as not yet valid, or live too long.
	maxAhead = 30 * time.Second
)

// Check asks both stores at once.
func (h *Health) Check(ctx context.Context) State {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	state := State{Mode: h.mode, Draining: h.draining.Load()}
	var all sync.WaitGroup
	all.Go(func() { state.DatabaseErr = h.database.Ping(ctx) })
	all.Go(func() { state.SessionStoreErr = h.sessions.Ping(ctx) })
	all.Go(func() { state.Ahead, state.ClockErr = h.ahead(ctx) })
	all.Wait()
	return state
}

// ahead compares the clocks. A database that does not answer is no trouble of the
// clock.
func (h *Health) ahead(ctx context.Context) (time.Duration, error) {
	if h.clock == nil {
		return 0, nil
	}
	before := h.now()
	theirs, err := h.clock.Now(ctx)
	if err != nil {
		return 0, nil //nolint:nilerr // Ping says so
	}
	after := h.now()
	ahead := before.Add(after.Sub(before) / 2).Sub(theirs).Truncate(time.Millisecond)
	if ahead > maxAhead || ahead < -maxAhead {
		return ahead, fmt.Errorf("the clock is %s off that of the database; %s is the most: set it, or let NTP do so", ahead, maxAhead)
	}
	return ahead, nil
}

// Drain makes the service report that it is not ready, for its last moments.
func (h *Health) Drain() { h.draining.Store(true) }

// Draining reports whether Drain was called.
func (h *Health) Draining() bool { return h.draining.Load() }
