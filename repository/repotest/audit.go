package repotest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

var audits = []promise{
	{"RoundTripNewestFirst", func(t *testing.T, s repository.Store) {
		user := newID()
		var want []repository.AuditRecord
		for i := range 3 {
			a := newAudit(user, repository.AuditLogin)
			a.At = noon.Add(time.Duration(i) * time.Microsecond)
			must(t, s.Audits.AppendAudit(t.Context(), a))
			must(t, s.Audits.AppendAudit(t.Context(), newAudit(newID(), repository.AuditLogin)))
			want = append([]repository.AuditRecord{a}, want...)
		}
		got, err := s.Audits.ListAudit(t.Context(), user, 2)
		must(t, err)
		if diff := cmp.Diff(want[:2], got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}},
}

var health = []promise{
	{"BothStoresAnswer", func(t *testing.T, s repository.Store) {
		must(t, s.Database.Ping(t.Context()))
		must(t, s.SessionStore.Ping(t.Context()))
	}},
}
