package app

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"latchkey/repository"
)

// advices log what an operator should do about a store, each once in a while: every
// call fails until it is done.
type advices struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	told map[string]time.Time // by what to do
}

// adviseEvery is the time between two lines of the same advice.
const adviseEvery = 10 * time.Minute

func newAdvices(log *slog.Logger, now func() time.Time) *advices {
	return &advices{log: log, now: now, told: map[string]time.Time{}}
}

// tell logs the advice in an error, if there is one and it was not told lately.
func (a *advices) tell(store string, err error) {
	var advice *repository.Advice
	if !errors.As(err, &advice) {
		return
	}
	a.mu.Lock()
	now := a.now()
	last, known := a.told[advice.Fix]
	due := !known || now.Sub(last) > adviseEvery
	if due {
		a.told[advice.Fix] = now
	}
	a.mu.Unlock()
	if due {
		a.log.Error("store misconfigured", "store", store, "fix", advice.Fix, "error", advice.Err)
	}
}
