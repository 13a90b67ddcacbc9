package observe

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"latchkey/repository"
)

// advice logs what an operator should change in a store. It logs each text at most once per
// interval, because every call fails until the operator has made the change.
type advice struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	logged map[string]time.Time // by the text of the advice
}

// adviseEvery is the time between two lines of the same advice.
const adviseEvery = 10 * time.Minute

func newAdvice(log *slog.Logger, now func() time.Time) *advice {
	return &advice{log: log, now: now, logged: map[string]time.Time{}}
}

// report logs the advice in an error, unless there is none or it was logged recently.
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
