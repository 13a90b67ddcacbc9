package password_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/service"
	"latchkey/service/password"
)

func TestScore_ZeroIfThePolicyRefuses(t *testing.T) {
	scorer := password.NewScorer(password.Policy{MinLength: 8})
	for typed, want := range map[string][2]int{
		"password1": {0, 0}, "short": {0, 0}, "ada@example.org": {0, 0}, strings.Repeat("Ab1!", 300): {0, 0},
		"correct horse battery staple": {4, 4}, "horsehorse": {1, 2},
	} {
		s, err := scorer.Score(t.Context(), "", password.New(typed), "ada", "ada@example.org")
		if err != nil || s.Value < want[0] || s.Value > want[1] || s.Value == 0 && s.Problem == "" {
			t.Errorf("%q: %+v %v", typed, s, err)
		}
	}
}

func TestScore_FullQueueIsRefusedAtOnce(t *testing.T) {
	scorer := password.NewScorer(password.Policy{MinLength: 8})
	slow := password.New(strings.Repeat("a1B2", 16))
	var all sync.WaitGroup
	var told atomic.Int64
	for range 100 {
		all.Go(func() {
			_, err := scorer.Score(t.Context(), "", slow, "", "")
			if err != nil && service.AsError(err).Code == service.CodeOverloaded {
				told.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := told.Load(); n < 20 {
		t.Errorf("%d of 100 were told to come back", n)
	}
}

// TestScore_OneAddressGetsAQuarterOfTheQueue sends requests from one address without pause: another
// address is still answered. The passwords consist of characters that can replace letters, which
// take the longest.
func TestScore_OneAddressGetsAQuarterOfTheQueue(t *testing.T) {
	scorer := password.NewScorer(password.Policy{MinLength: 8})
	slow := password.New(strings.Repeat("4@8({[<369&#!1/|0$5+7%2zZ", 3)[:72])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 18 {
		go func() {
			for ctx.Err() == nil {
				_, _ = scorer.Score(ctx, "192.0.2.1", slow, "", "")
			}
		}()
	}
	for range 4 {
		if _, err := scorer.Score(t.Context(), "192.0.2.2", slow, "", ""); err != nil {
			t.Errorf("another address: %v", err)
		}
	}
}
