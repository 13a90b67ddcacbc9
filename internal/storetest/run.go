package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"latchkey/repository"
)

// Open returns an empty set of stores that is closed with the test.
type Open func(t testing.TB) repository.Store

// Run runs the suite. It opens a set of stores for each promise.
func Run(t *testing.T, open Open) {
	groups := []struct {
		name     string
		promises []promise
	}{
		{"Users", users},
		{"UserAdmin", userAdmin},
		{"Callers", callers},
		{"Revocations", revocations},
		{"Audits", audits},
		{"Keys", keys},
		{"Clients", clients},
		{"Codes", codes},
		{"Links", links},
		{"Outbox", outbox},
		{"Sessions", sessions},
		{"Devices", devices},
		{"Limits", limits},
		{"Health", health},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, p := range g.promises {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.check(t, open(t))
				})
			}
		})
	}
}

var health = []promise{
	{"BothStoresAnswer", func(t *testing.T, s repository.Store) {
		must(t, s.Database.Ping(t.Context()))
		must(t, s.SessionStore.Ping(t.Context()))
	}},
	{"AStoreThatCannotAnswerInTimeIsUnavailable", func(t *testing.T, s repository.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, p := range map[string]repository.Pinger{"database": s.Database, "session store": s.SessionStore} {
			if err := p.Ping(ctx); !errors.Is(err, repository.ErrUnavailable) {
				t.Errorf("ping the %s: %v, want ErrUnavailable", name, err)
			}
		}
	}},
	{"EitherAClockOrATimeMark", func(t *testing.T, s repository.Store) {
		switch {
		case (s.Clock == nil) == (s.TimeMark == nil):
			t.Fatal("a store has either a clock or a time mark")
		case s.Clock != nil:
			tellsTheTime(t, s.Clock)
		default:
			movesOnlyAsItSays(t, s.TimeMark)
		}
	}},
}

// tellsTheTime requires that a clock returns the current time in UTC, to the minute, and
// advances.
func tellsTheTime(t *testing.T, clock repository.Clock) {
	t.Helper()
	first, err := clock.Now(t.Context())
	must(t, err)
	if off := time.Since(first); off.Abs() > time.Minute {
		t.Errorf("the clock is off by %s", off)
	}
	if first.Location() != time.UTC {
		t.Errorf("the time is one of %s, want UTC", first.Location())
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		second, err := clock.Now(t.Context())
		must(t, err)
		if second.Before(first) || time.Now().After(deadline) {
			t.Fatalf("later it is %s, and was %s", second, first)
		}
		if second.After(first) {
			return
		}
	}
}

// movesOnlyAsItSays requires that AdvanceTime moves the mark forward only, and SetTime in both
// directions.
func movesOnlyAsItSays(t *testing.T, mark repository.TimeMark) {
	t.Helper()
	advance := func(to time.Time) error { return mark.AdvanceTime(t.Context(), to) }
	set := func(to time.Time) error { return mark.SetTime(t.Context(), to) }
	want := func(after string, want time.Time) {
		t.Helper()
		got, err := mark.NewestTime(t.Context())
		must(t, err)
		if !got.Equal(want) {
			t.Errorf("%s: the mark is %s, want %s", after, got, want)
		}
	}
	earlier, later := noon.Add(-time.Hour), noon.Add(time.Microsecond)
	want("in a new database", time.Time{})
	must(t, advance(noon))
	want("advanced", noon)
	must(t, advance(earlier))
	want("advanced to an earlier time", noon)
	must(t, advance(later))
	want("advanced by a microsecond", later)
	must(t, set(earlier))
	want("set back", earlier)
	must(t, set(noon))
	want("set forward", noon)
}
