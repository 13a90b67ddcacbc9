package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"latchkey/repository"
	"latchkey/repository/sqlite"
)

// TestPurgeLimits_DeletesWhatIsForgotten is not in the conformance suite, because a caller
// whose time advances cannot distinguish a deleted key from a key whose failures have
// decayed.
func TestPurgeLimits_DeletesWhatIsForgotten(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), nil)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.Migrate(t.Context())
	must(t, err)

	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rule := repository.LimitRule{Free: 1, Base: time.Minute, Max: time.Minute, Forget: time.Hour}
	attempt := func(i int) repository.Attempt {
		return repository.Attempt{
			Keys: []repository.LimitKey{{Name: fmt.Sprint("k", i), Rule: rule}},
			Now:  noon.Add(time.Duration(i) * time.Millisecond),
		}
	}
	for i := range 5 {
		_, err := db.BeginAttempt(t.Context(), attempt(i))
		must(t, err)
	}
	for _, want := range []int{2, 1, 0} { // three have expired, two are deleted at a time
		n, err := db.PurgeLimits(t.Context(), noon.Add(rule.Forget+3*time.Millisecond), 2)
		must(t, err)
		if n != want {
			t.Errorf("purged %d, want %d", n, want)
		}
	}
	for i := range 5 { // by the clock of the failures, the remaining keys still cause a delay
		begun, err := db.BeginAttempt(t.Context(), attempt(i))
		must(t, err)
		if purged := begun.Wait == 0; purged != (i < 3) {
			t.Errorf("key %d is purged: %v", i, purged)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
