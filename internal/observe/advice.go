package observe

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"latchkey/repository"
)

// advice logs what an operator should do about a store, each once in a while: every
// call fails until it is done.
type advice struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	logged map[string]time.Time // by what to do
}

// adviseEvery is the time between two lines of the same advice.
const adviseEvery = 10 * time.Minute

func newAdvice(log *slog.Logger, now func() time.Time) *advice {
	return &advice{log: log, now: now, logged: map[string]time.Time{}}
}

// report logs the advice in an error, if there is one and it was not logged lately.
func (a *advice) report(store string, err error) {
	var found *repository.Advice
	if !errors.As(err, &found) {
		return
	}
	a.mu.Lock()
	now := a.now()
	last, known := a.logged[found.Fix]
	due := !known || now.Sub(last) > adviseEvery
	if due {
		a.logged[found.Fix] = now
	}
	a.mu.Unlock()
	if due {
		a.log.Error("store misconfigured", "store", store, "fix", found.Fix, "error", found.Err)
	}
}
