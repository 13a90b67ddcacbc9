package password_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/service"
	"latchkey/service/password"
)

func TestHash_FullQueueIsRefusedAtOnce(t *testing.T) {
	h := password.NewHasher(11, 1, 0) // one hash of 0.1 s or longer at a time, one in the queue
	defer h.Close()
	p := password.New("correct horse")
	results := make(chan error, 8)
	for range 8 {
		go func() {
			_, err := h.Hash(t.Context(), "", p)
			results <- err
		}()
	}
	overloaded := 0
	for range 8 {
		var e *service.Error
		if err := <-results; errors.As(err, &e) && e.Code == service.CodeOverloaded && e.RetryAfter > 0 {
			overloaded++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if overloaded < 5 {
		t.Errorf("%d of 8 were told to come back, want 5 or more", overloaded)
	}
}

func TestGate_CancelledCallLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		do, _ := password.GateForTest(t, 1, time.Minute, time.Second)
		release := make(chan struct{})
		go func() { _ = do(t.Context(), "", func() error { <-release; return nil }) }()
		synctest.Wait() // until it runs
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := do(ctx, "", func() error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waited on: %v", err)
		}
		close(release)
	})
}

func TestCompare_PasswordsOverTheLimitOfBcrypt(t *testing.T) {
	h := password.NewHasher(4, 1, time.Minute)
	defer h.Close()
	longest := strings.Repeat("a", 72)
	hash, err := h.Hash(t.Context(), "", password.New(longest))
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]bool{longest: true, longest + "b": false, longest[:71]: false} {
		got, err := h.Compare(t.Context(), "", hash, password.New(typed))
		if err != nil || got != want {
			t.Errorf("%d bytes match: %v, %v", len(typed), got, err)
		}
	}
	for _, p := range []string{"no user has this password", ""} {
		if got, err := h.Compare(t.Context(), "", "", password.New(p)); got || err != nil {
			t.Errorf("a user who does not exist has the password %q: %v, %v", p, got, err)
		}
	}
}

func TestGate_CancelledCallIsNotReportedAsDone(t *testing.T) {
	h := password.NewHasher(4, 1, time.Minute)
	defer h.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// The caller may receive the answer before the end of its own request. A hash that was not
	// computed must not be returned as a result.
	if err := h.SlotForTest(gone); err == nil {
		t.Error("nothing was done, and that is no error")
	}
}

func TestGate_RefusesCallsThatWaitedTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		do, counts := password.GateForTest(t, 1, 50*time.Millisecond, time.Millisecond) // queue of 50
		begun := make(chan struct{})
		go func() {
			_ = do(t.Context(), "", func() error {
				close(begun)
				time.Sleep(200 * time.Millisecond) // on the clock of the synctest bubble
				return nil
			})
		}()
		<-begun
		results := make(chan error, 8)
		for range 8 {
			go func() { results <- do(t.Context(), "", func() error { time.Sleep(10 * time.Millisecond); return nil }) }()
		}
		for range 8 {
			var e *service.Error
			if err := <-results; !errors.As(err, &e) || e.Code != service.CodeOverloaded {
				t.Errorf("after four times as long as anybody waits: %v", err)
			}
		}
		if c := counts(); c.Refused != 8 || c.Done != 1 || c.Running != 0 || c.Waiting != 0 {
			t.Errorf("counted %+v", c)
		}
	})
}

// TestGate_OneAddressGetsAQuarterOfTheQueue requests more hashes from one address than the queue
// holds: the address is refused beyond its share, and other addresses are not.
func TestGate_OneAddressGetsAQuarterOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		do, counts := password.GateForTest(t, 2, 20*time.Second, time.Second) // queue of 40
		stop := make(chan struct{})
		release := sync.OnceFunc(func() { close(stop) })
		t.Cleanup(release)
		block := func() error { <-stop; return t.Context().Err() }
		var refused atomic.Int64
		var all sync.WaitGroup
		ask := func(address string) {
			all.Go(func() {
				if do(t.Context(), address, block) != nil {
					refused.Add(1)
				}
			})
		}
		until := func(what string, is func() bool) {
			t.Helper()
			if synctest.Wait(); !is() {
				t.Fatalf("not %s: %d refused, %+v", what, refused.Load(), counts())
			}
		}
		for range 2 {
			ask("192.0.2.1/32")
		}
		until("2 running", func() bool { return counts().Running == 2 })
		for range 28 {
			ask("192.0.2.1/32")
		}
		until("10 of 40 places taken by one address", func() bool { return refused.Load() == 18 && counts().Waiting == 10 })
		ask("192.0.2.2/32")
		ask("")
		until("2 more waiting", func() bool { return counts().Waiting == 12 })
		release()
		all.Wait()
		if n := refused.Load(); n != 18 {
			t.Errorf("%d were refused, want 18", n)
		}
		if err := do(t.Context(), "192.0.2.1/32", func() error { return nil }); err != nil {
			t.Errorf("once its hashes are done: %v", err)
		}
	})
}
