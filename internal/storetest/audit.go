package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

var audits = []promise{
	{"ARecordIsAddedOnce", func(t *testing.T, s repository.Store) {
		user := newID()
		a := newAudit(user, repository.AuditRefreshRefused)
		added := 0
		for _, err := range together(16, func(int) error {
			first, err := s.Audits.AppendAudit(t.Context(), a)
			if first {
				added++ // exactly one call adds it, otherwise the race detector reports this line
			}
			return err
		}) {
			must(t, err)
		}
		if added != 1 {
			t.Errorf("added %d times", added)
		}
		auditCount(t, s, user, 1)
	}},
	{"RoundTripNewestFirst", func(t *testing.T, s repository.Store) {
		user := newID()
		var want []repository.AuditRecord
		for i := range 3 {
			a := newAudit(user, repository.AuditLogin)
			a.At = noon.Add(time.Duration(i) * time.Microsecond)
			appendAudit(t, s, a)
			appendAudit(t, s, newAudit(newID(), repository.AuditLogin))
			want = append([]repository.AuditRecord{a}, want...)
		}
		got, err := s.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: user, Limit: 2})
		must(t, err)
		if diff := cmp.Diff(want[:2], got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}},
	{"AskedForByEventTimeAndPage", func(t *testing.T, s repository.Store) {
		user := newID()
		for i := range 7 {
			a := newAudit(user, repository.AuditLogin)
			a.At = noon.Add(time.Duration(i/2) * time.Minute) // two at the same time
			if i == 3 {
				a.Event = repository.AuditLoginFailed
			}
			appendAudit(t, s, a)
		}
		list := func(q repository.AuditQuery) []repository.AuditRecord {
			t.Helper()
			got, err := s.Audits.ListAudit(t.Context(), q)
			must(t, err)
			return got
		}
		if got := list(repository.AuditQuery{UserID: user, Event: repository.AuditLoginFailed, Limit: 9}); len(got) != 1 {
			t.Errorf("%d of one event", len(got))
		}
		if got := list(repository.AuditQuery{UserID: user, Since: noon.Add(time.Minute), Limit: 9}); len(got) != 5 {
			t.Errorf("%d since a time", len(got))
		}
		if got := list(repository.AuditQuery{UserID: user, Until: noon.Add(time.Minute), Limit: 9}); len(got) != 2 {
			t.Errorf("%d before a time", len(got))
		}
		all := list(repository.AuditQuery{UserID: user, Limit: 9})
		var paged []repository.AuditRecord
		for page := list(repository.AuditQuery{UserID: user, Limit: 3}); len(page) > 0; {
			paged = append(paged, page...)
			page = list(repository.AuditQuery{UserID: user, Limit: 3, After: page[len(page)-1]})
		}
		if diff := cmp.Diff(all, paged); len(all) != 7 || diff != "" {
			t.Errorf("in pages (-all +paged):\n%s", diff)
		}
		if len(list(repository.AuditQuery{Limit: 5})) != 5 {
			t.Error("nobody in particular has no records")
		}
	}},
	{"AskedForByActorAndRareEvent", func(t *testing.T, s repository.Store) {
		actor := newID()
		for i, event := range []repository.AuditEvent{repository.AuditUserDisabled, repository.AuditUserEnabled, repository.AuditLogin} {
			a := newAudit(newID(), event)
			if a.At = noon.Add(time.Duration(i) * time.Second); i < 2 {
				a.ActorID = actor
			}
			appendAudit(t, s, a)
		}
		for want, q := range map[int]repository.AuditQuery{
			2: {ActorID: actor, Limit: 9},
			1: {ActorID: actor, Event: repository.AuditUserEnabled, Limit: 9},
			0: {ActorID: actor, Event: repository.AuditLogin, Limit: 9},
		} {
			got, err := s.Audits.ListAudit(t.Context(), q)
			must(t, err)
			if len(got) != want {
				t.Errorf("%+v: %d records, want %d", q, len(got), want)
			}
		}
	}},
	{"PurgedByTime", func(t *testing.T, s repository.Store) {
		user := newID()
		for i := range 5 {
			a := newAudit(user, repository.AuditLogin)
			a.At = time.Unix(int64(i), 0).UTC() // long before the other records
			appendAudit(t, s, a)
		}
		for _, want := range []int{2, 1, 0} {
			n, err := s.Audits.PurgeAudit(t.Context(), time.Unix(3, 0), 2)
			must(t, err)
			if n != want {
				t.Errorf("purged %d, not %d", n, want)
			}
		}
		got, err := s.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: user, Limit: 9})
		must(t, err)
		if len(got) != 2 {
			t.Errorf("%d are left", len(got))
		}
	}},
}

func appendAudit(t *testing.T, s repository.Store, a repository.AuditRecord) {
	t.Helper()
	added, err := s.Audits.AppendAudit(t.Context(), a)
	must(t, err)
	if !added {
		t.Error("a new record was not added")
	}
}
