package repotest

import (
	"sync/atomic"
	"testing"
	"time"

	"latchkey/repository"
)

var revocations = []promise{
	{"ARevokedSessionIsSeenWithItsUser", func(t *testing.T, s repository.Store) {
		u := newUser("")
		must(t, create(t.Context(), s, u))
		r := newRevocation(u.ID)
		first, err := s.Revocations.RevokeSession(t.Context(), r, newAudit(u.ID, repository.AuditSessionEnded))
		must(t, err)
		if !first {
			t.Error("the first call did not write")
		}
		_, revoked, err := s.Users.FindUserOfSession(t.Context(), u.ID, r.SessionID)
		must(t, err)
		if !revoked {
			t.Error("not revoked")
		}
		_, revoked, err = s.Users.FindUserOfSession(t.Context(), u.ID, newID())
		must(t, err)
		if revoked {
			t.Error("another session is revoked too")
		}
	}},
	{"OneOfManyRevokesAndIsAudited", func(t *testing.T, s repository.Store) {
		user := newID()
		r := newRevocation(user)
		var firsts atomic.Int64
		for _, err := range together(32, func(int) error {
			first, err := s.Revocations.RevokeSession(t.Context(), r, newAudit(user, repository.AuditRefreshReused))
			if first {
				firsts.Add(1)
			}
			return err
		}) {
			must(t, err)
		}
		if firsts.Load() != 1 {
			t.Errorf("%d calls were the first", firsts.Load())
		}
		auditCount(t, s, user, 1)
	}},
	{"ALoginIsAudited", func(t *testing.T, s repository.Store) {
		user := newID()
		must(t, s.Revocations.RecordLogin(t.Context(), newAudit(user, repository.AuditLogin), nil))
		auditCount(t, s, user, 1)
	}},
	{"ALoginRevokesTheSessionItReplaces", func(t *testing.T, s repository.Store) {
		u := newUser("")
		must(t, create(t.Context(), s, u))
		replaced := &repository.Replaced{Revocation: newRevocation(u.ID), Audit: newAudit(u.ID, repository.AuditSessionEnded)}
		must(t, s.Revocations.RecordLogin(t.Context(), newAudit(u.ID, repository.AuditLogin), replaced))
		_, revoked, err := s.Users.FindUserOfSession(t.Context(), u.ID, replaced.Revocation.SessionID)
		must(t, err)
		if !revoked {
			t.Error("the replaced session is not revoked")
		}
		auditCount(t, s, u.ID, 3) // created, ended, login

		// Replacing it once more is a login, and no second end.
		replaced.Audit.ID = newID()
		must(t, s.Revocations.RecordLogin(t.Context(), newAudit(u.ID, repository.AuditLogin), replaced))
		auditCount(t, s, u.ID, 4)
	}},
}

func newRevocation(userID string) repository.Revocation {
	return repository.Revocation{
		SessionID: newID(), UserID: userID, Reason: repository.EndLogout, At: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func auditCount(t *testing.T, s repository.Store, userID string, want int) {
	t.Helper()
	list, err := s.Audits.ListAudit(t.Context(), userID, 100)
	must(t, err)
	if len(list) != want {
		t.Errorf("%d audit records, want %d", len(list), want)
	}
}
