package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

func newKey(use repository.KeyUse, created time.Time) repository.SigningKey {
	return repository.SigningKey{
		ID: newID(), Use: use, Algorithm: "EdDSA", Sealed: []byte{0, 1, 2, 255}, CreatedAt: created,
	}
}

// put adds a standby key.
func put(t *testing.T, s repository.Store, k repository.SigningKey) {
	t.Helper()
	must(t, s.Keys.PutStandbyKey(t.Context(), k, "", newAudit("", repository.AuditKeyAdded)))
}

func listKeys(t *testing.T, s repository.Store) []repository.SigningKey {
	t.Helper()
	list, err := s.Keys.ListKeys(t.Context())
	must(t, err)
	return list
}

// keyAudits returns the number of audit records of an event.
func keyAudits(t *testing.T, s repository.Store, event repository.AuditEvent) int {
	t.Helper()
	list, err := s.Audits.ListAudit(t.Context(), repository.AuditQuery{Limit: 1000})
	must(t, err)
	n := 0
	for _, a := range list {
		if a.Event == event {
			n++
		}
	}
	return n
}

var keys = []promise{
	{"RoundTripInTheOrderOfCreation", func(t *testing.T, s repository.Store) {
		first, second := newKey(repository.UseAccess, noon), newKey(repository.UseAccess, noon.Add(time.Second))
		other := newKey(repository.UseRefresh, noon.Add(time.Minute))
		put(t, s, first)
		put(t, s, other)
		must(t, s.Keys.ActivateKey(t.Context(), first.ID, noon.Add(time.Hour), second, newAudit("", repository.AuditKeyActivated)))
		must(t, s.Keys.RevokeKey(t.Context(), first.ID, noon.Add(2*time.Hour), newAudit("", repository.AuditKeyRevoked)))
		first.ActiveAt, first.RevokedAt = noon.Add(time.Hour), noon.Add(2*time.Hour)
		if diff := cmp.Diff([]repository.SigningKey{first, second, other}, listKeys(t, s)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if first.Standby() || !second.Standby() {
			t.Error("only the second stands by")
		}
	}},
	{"OneKeyOfAUseStandsBy", func(t *testing.T, s repository.Store) {
		k := newKey(repository.UseAccess, noon)
		put(t, s, k)
		another := newKey(repository.UseAccess, noon)
		err := s.Keys.PutStandbyKey(t.Context(), another, "", newAudit("", repository.AuditKeyAdded))
		if !errors.Is(err, repository.ErrExists) {
			t.Errorf("a second: %v", err)
		}
		err = s.Keys.PutStandbyKey(t.Context(), another, newID(), newAudit("", repository.AuditKeyAdded))
		if !errors.Is(err, repository.ErrExists) {
			t.Errorf("in place of one that is not there: %v", err)
		}
		must(t, s.Keys.PutStandbyKey(t.Context(), another, k.ID, newAudit("", repository.AuditKeyAdded)))
		if got := listKeys(t, s); len(got) != 1 || got[0].ID != another.ID {
			t.Errorf("not replaced: %+v", got)
		}
		if n := keyAudits(t, s, repository.AuditKeyAdded); n != 2 {
			t.Errorf("%d records of 2 keys", n)
		}
	}},
	{"AKeyThatWasActivatedIsNotReplaced", func(t *testing.T, s repository.Store) {
		k, next := newKey(repository.UseAccess, noon), newKey(repository.UseAccess, noon)
		put(t, s, k)
		must(t, s.Keys.ActivateKey(t.Context(), k.ID, noon, next, newAudit("", repository.AuditKeyActivated)))
		err := s.Keys.PutStandbyKey(t.Context(), newKey(repository.UseAccess, noon), k.ID, newAudit("", repository.AuditKeyAdded))
		if !errors.Is(err, repository.ErrExists) {
			t.Errorf("replaced: %v", err)
		}
		if n := len(listKeys(t, s)); n != 2 {
			t.Errorf("%d keys", n)
		}
	}},
	{"AKnownIDIsTaken", func(t *testing.T, s repository.Store) {
		k := newKey(repository.UseAccess, noon)
		put(t, s, k)
		k.Use = repository.UseRefresh
		if err := s.Keys.PutStandbyKey(t.Context(), k, "", newAudit("", repository.AuditKeyAdded)); !errors.Is(err, repository.ErrExists) {
			t.Errorf("%v", err)
		}
	}},
	{"OneOfManyActivates", func(t *testing.T, s repository.Store) {
		k := newKey(repository.UseAccess, noon)
		put(t, s, k)
		won := 0
		for _, err := range together(8, func(int) error {
			return s.Keys.ActivateKey(t.Context(), k.ID, noon, newKey(repository.UseAccess, noon), newAudit("", repository.AuditKeyActivated))
		}) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, repository.ErrNotFound):
				t.Errorf("a loser got %v", err)
			}
		}
		if n := len(listKeys(t, s)); won != 1 || n != 2 || keyAudits(t, s, repository.AuditKeyActivated) != 1 {
			t.Errorf("%d won, there are %d keys", won, n)
		}
	}},
	{"OneOfManyPuts", func(t *testing.T, s repository.Store) {
		won := 0
		for _, err := range together(8, func(int) error {
			return s.Keys.PutStandbyKey(t.Context(), newKey(repository.UseAccess, noon), "", newAudit("", repository.AuditKeyAdded))
		}) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, repository.ErrExists):
				t.Errorf("a loser got %v", err)
			}
		}
		if n := len(listKeys(t, s)); won != 1 || n != 1 {
			t.Errorf("%d won, there are %d keys", won, n)
		}
	}},
	{"AnActivationThatFailsChangesNothing", func(t *testing.T, s repository.Store) {
		k := newKey(repository.UseAccess, noon)
		put(t, s, k)
		if err := s.Keys.ActivateKey(t.Context(), k.ID, noon, k, newAudit("", repository.AuditKeyActivated)); !errors.Is(err, repository.ErrExists) {
			t.Errorf("%v", err)
		}
		if got := listKeys(t, s); len(got) != 1 || !got[0].Standby() {
			t.Errorf("half an activation: %+v", got)
		}
	}},
	{"RevokedForGood", func(t *testing.T, s repository.Store) {
		k := newKey(repository.UseAccess, noon)
		put(t, s, k)
		must(t, s.Keys.RevokeKey(t.Context(), k.ID, noon, newAudit("", repository.AuditKeyRevoked)))
		must(t, s.Keys.RevokeKey(t.Context(), k.ID, noon.Add(time.Hour), newAudit("", repository.AuditKeyRevoked)))
		err := s.Keys.ActivateKey(t.Context(), k.ID, noon, newKey(repository.UseAccess, noon), newAudit("", repository.AuditKeyActivated))
		if !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("a revoked key was activated: %v", err)
		}
		if got := listKeys(t, s); len(got) != 1 || !got[0].RevokedAt.Equal(noon) || keyAudits(t, s, repository.AuditKeyRevoked) != 1 {
			t.Errorf("%+v", got)
		}
		if err := s.Keys.RevokeKey(t.Context(), newID(), noon, newAudit("", repository.AuditKeyRevoked)); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("an unknown key: %v", err)
		}
		put(t, s, newKey(repository.UseAccess, noon)) // a revoked key is not standby
	}},
	{"Deleted", func(t *testing.T, s repository.Store) {
		k, stays := newKey(repository.UseAccess, noon), newKey(repository.UseRefresh, noon)
		put(t, s, k)
		put(t, s, stays)
		must(t, s.Keys.DeleteKey(t.Context(), k.ID))
		must(t, s.Keys.DeleteKey(t.Context(), k.ID))
		if got := listKeys(t, s); !slices.EqualFunc(got, []string{stays.ID}, func(k repository.SigningKey, id string) bool { return k.ID == id }) {
			t.Errorf("%+v", got)
		}
	}},
}
