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

// Checker checks whether the stores answer, and whether this replica should receive requests. A
// failure of a store that all replicas share does not take a replica out of service: all replicas
// would leave at once, and many requests need no store.
type Checker struct {
	database repository.Pinger
	sessions repository.Pinger
	clock    *clock.Clock
	mode     string
	draining atomic.Bool
	last     atomic.Pointer[Report] // the latest result of Run
}

// New returns a Checker of a store. The mode is the name of the set of stores in reports.
func New(store repository.Store, mode string, clock *clock.Clock) *Checker {
	return &Checker{database: store.Database, sessions: store.SessionStore, clock: clock, mode: mode}
}

// Report is the result of a check. The errors give the reason for each failure.
type Report struct {
	Mode            string
	DatabaseErr     error
	SessionStoreErr error
	ClockBad        bool
	ClockErr        error         // also set if the clock is untrusted but not bad
	Ahead           time.Duration // how far our clock is ahead of the database's
	Draining        bool          // the process is about to stop
}

// Ready reports whether this replica should receive requests: its clock is not bad, and it is not
// about to stop.
func (s Report) Ready() bool { return !s.ClockBad && !s.Draining }

// StoresReady reports whether both stores answer and accept writes.
func (s Report) StoresReady() bool { return s.DatabaseErr == nil && s.SessionStoreErr == nil }

// Err returns the reason that the replica is not ready, or nil. With stores set, an unavailable
// store is a reason too.
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
	// pingTimeout is the timeout of the ping of one store, so that a store that hangs does not
	// affect the result of the other.
	pingTimeout = time.Second
	// watchEvery is the time between two checks of Run.
	watchEvery = time.Second
)

// Check pings both stores concurrently.
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

// Last returns the latest result of Run, or nil if there is none.
func (h *Checker) Last() *Report { return h.last.Load() }

// Look returns the same report as Check, but uses a recent result of Run instead of a ping. A store
// that hangs therefore does not delay the answer.
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

// Run checks the stores until ctx is done, and logs each change with its reason.
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

// Drain marks the service as not ready before it stops.
func (h *Checker) Drain() { h.draining.Store(true) }

// Draining reports whether Drain was called.
func (h *Checker) Draining() bool { return h.draining.Load() }
