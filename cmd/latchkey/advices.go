package main

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

	mu   sync.Mutex
	told map[string]time.Time // by what to do
}

// adviseEvery is the time between two lines of the same advice.
const adviseEvery = 10 * time.Minute

func newAdvices(log *slog.Logger) *advices {
	return &advices{log: log, told: map[string]time.Time{}}
}

// tell logs the advice in an error, if there is one and it was not told lately.
func (a *advices) tell(store string, err error) {
	var advice *repository.Advice
	if !errors.As(err, &advice) {
		return
	}
	a.mu.Lock()
	last, known := a.told[advice.Fix]
	due := !known || time.Since(last) > adviseEvery
	if due {
		a.told[advice.Fix] = time.Now()
	}
	a.mu.Unlock()
	if due {
		a.log.Error("store misconfigured", "store", store, "fix", advice.Fix, "error", advice.Err)
	}
}
