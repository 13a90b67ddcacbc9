package health

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/repository"
	"latchkey/service/clock"
)

// Checker says whether the stores answer, and whether requests should come here. A
// store that all replicas share is no reason to take one out of service: all would
// leave at once, and much needs no store.
type Checker struct {
	database repository.Pinger
	sessions repository.Pinger
	clock    *clock.Clock
	mode     string
	draining atomic.Bool
	last     atomic.Pointer[Report] // what Run found
}

// New returns the health of a store; mode names the set of stores for
// people.
func New(store repository.Store, mode string, clock *clock.Clock) *Checker {
	return &Checker{database: store.Database, sessions: store.SessionStore, clock: clock, mode: mode}
}

// Report is what Health found. The errors say why something is not as it should be.
type Report struct {
	Mode            string
	DatabaseErr     error
	SessionStoreErr error
	ClockBad        bool
	ClockErr        error         // also where the clock is not bad and only not trusted
	Ahead           time.Duration // of our clock before that of the database
	Draining        bool          // the process is about to stop
}

// Ready reports whether requests should come to this replica: it is not about to
// stop, and its clock is not bad.
func (s Report) Ready() bool { return !s.ClockBad && !s.Draining }

// StoresReady reports whether both stores answer and take writes.
func (s Report) StoresReady() bool { return s.DatabaseErr == nil && s.SessionStoreErr == nil }

// Err says why the replica is not ready, or with stores why one of them is not; else
// nil.
func (s Report) Err(stores bool) error {
	var list []error
	if s.Draining {
		list = append(list, errors.New("draining"))
	}
	if s.ClockBad {
		list = append(list, s.ClockErr)
	}
	if stores {
		list = append(list, s.DatabaseErr, s.SessionStoreErr)
	}
	return errors.Join(list...)
}

const (
	// pingTimeout bounds the question to one store, so that one that hangs is not
	// mistaken for both.
	pingTimeout = time.Second
	// watchEvery is the time between two looks of Run.
	watchEvery = time.Second
)

// Check asks both stores at once.
func (h *Checker) Check(ctx context.Context) Report {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	state := Report{Mode: h.mode, Draining: h.draining.Load()}
	state.Ahead, state.ClockBad, state.ClockErr = h.clock.State()
	var all sync.WaitGroup
	all.Go(func() { state.DatabaseErr = h.database.Ping(ctx) })
	all.Go(func() { state.SessionStoreErr = h.sessions.Ping(ctx) })
	all.Wait()
	return state
}

// Last is what Run found last; nil before that.
func (h *Checker) Last() *Report { return h.last.Load() }

// Look is Check without a question to the stores, where Run has asked them a moment
// ago: a store that hangs must not make the answer late.
func (h *Checker) Look(ctx context.Context) Report {
	last := h.last.Load()
	if last == nil {
		return h.Check(ctx)
	}
	state := *last
	state.Draining = h.draining.Load()
	state.Ahead, state.ClockBad, state.ClockErr = h.clock.State()
	return state
}

// Run looks at the stores until ctx is done, and logs each change with its reason.
func (h *Checker) Run(ctx context.Context, log *slog.Logger) {
	up := map[string]bool{"database": true, "session store": true}
	for {
		state := h.Check(ctx)
		if ctx.Err() != nil {
			return
		}
		h.last.Store(&state)
		for store, err := range map[string]error{"database": state.DatabaseErr, "session store": state.SessionStoreErr} {
			switch {
			case err != nil && up[store]:
				log.LogAttrs(ctx, slog.LevelError, "store unavailable", slog.String("store", store), slog.Any("error", err))
			case err == nil && !up[store]:
				log.LogAttrs(ctx, slog.LevelInfo, "store available again", slog.String("store", store))
			}
			up[store] = err == nil
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchEvery):
		}
	}
}

// Drain makes the service report that it is not ready, for its last moments.
func (h *Checker) Drain() { h.draining.Store(true) }

// Draining reports whether Drain was called.
func (h *Checker) Draining() bool { return h.draining.Load() }
