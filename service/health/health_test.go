package health_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/repository"
	"latchkey/service/clock"
	"latchkey/service/health"
)

// server is a store that is up or down.
type server struct{ down atomic.Bool }

func (s *server) Ping(context.Context) error {
	if s.down.Load() {
		return errors.New("refused")
	}
	return nil
}

// TestRun_LogsEachChangeOnce checks the stores for a minute in each state.
func TestRun_LogsEachChangeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		var database, sessions server
		checker := health.New(repository.Store{Database: &database, SessionStore: &sessions}, "test", clock.New(nil, nil, time.Second, time.Now, log))
		ctx, stop := context.WithCancel(t.Context())
		go checker.Run(ctx, log)
		pass := func() {
			time.Sleep(time.Minute) // on the clock of the synctest bubble
			synctest.Wait()
		}
		sessions.down.Store(true)
		pass()
		if text := out.String(); strings.Count(text, "store unavailable") != 1 || !strings.Contains(text, `store="session store" error=refused`) {
			t.Errorf("a store that is down: %s", text)
		}
		sessions.down.Store(false)
		pass()
		if text := out.String(); strings.Count(text, "store available again") != 1 || strings.Count(text, "\n") != 2 {
			t.Errorf("a store that is back: %s", text)
		}
		stop()
	})
}
