package storetest

import (
	"errors"
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
		first, err := s.Revocations.RevokeSession(t.Context(), r, repository.Caller{}, newAudit(u.ID, repository.AuditSessionEnded))
		must(t, err)
		if !first {
			t.Error("the first call did not write")
		}
		_, ended, err := s.Users.FindUserOfSession(t.Context(), u.ID, r.SessionID)
		must(t, err)
		if ended != r.Reason {
			t.Errorf("revoked for %q, want %q", ended, r.Reason)
		}
		_, ended, err = s.Users.FindUserOfSession(t.Context(), u.ID, newID())
		must(t, err)
		if ended != "" {
			t.Error("another session is revoked too")
		}
	}},
	{"OneOfManyRevokesAndIsAudited", func(t *testing.T, s repository.Store) {
		user := newID()
		r := newRevocation(user)
		var firsts atomic.Int64
		for _, err := range together(32, func(int) error {
			first, err := s.Revocations.RevokeSession(t.Context(), r, repository.Caller{}, newAudit(user, repository.AuditRefreshReused))
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
		u := enabledUser(t, s)
		_, err := s.Revocations.RecordLogin(t.Context(), newAudit(u.ID, repository.AuditLogin), u.SessionEpoch, nil)
		must(t, err)
		auditCount(t, s, u.ID, 2) // created, login
	}},
	{"ALoginToAnAccountThatHasChangedIsNone", func(t *testing.T, s repository.Store) {
		u := enabledUser(t, s)
		ended := []repository.Ended{{Revocation: newRevocation(u.ID), Audit: newAudit(u.ID, repository.AuditSessionEnded)}}
		refused := func(why string, epoch int64) {
			_, err := s.Revocations.RecordLogin(t.Context(), newAudit(u.ID, repository.AuditLogin), epoch, ended)
			if !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", why, err)
			}
		}
		refused("another epoch", u.SessionEpoch-1)
		epoch, err := s.Users.DisableUser(t.Context(), u.ID, true, noon, newAudit(u.ID, repository.AuditUserDisabled))
		must(t, err)
		refused("disabled", epoch)
		auditCount(t, s, u.ID, 2) // created, disabled
		list, err := s.Revocations.ListRevoked(t.Context(), u.ID)
		must(t, err)
		if len(list) != 0 {
			t.Errorf("revoked: %v", list)
		}
	}},
	{"ALoginRevokesTheSessionItReplaces", func(t *testing.T, s repository.Store) {
		u := enabledUser(t, s)
		ended := []repository.Ended{
			{Revocation: newRevocation(u.ID), Audit: newAudit(u.ID, repository.AuditSessionEnded)},
			{Revocation: newRevocation(u.ID), Audit: newAudit(u.ID, repository.AuditSessionEnded)},
		}
		revoked, err := s.Revocations.RecordLogin(t.Context(), newAudit(u.ID, repository.AuditLogin), u.SessionEpoch, ended)
		must(t, err)
		if len(revoked) != 2 || revoked[0] != ended[0].Revocation.SessionID {
			t.Errorf("it says that it revoked %v", revoked)
		}
		for _, e := range ended {
			_, ended, err := s.Users.FindUserOfSession(t.Context(), u.ID, e.Revocation.SessionID)
			must(t, err)
			if ended == "" {
				t.Error("an ended session is not revoked")
			}
		}
		auditCount(t, s, u.ID, 4) // created, two revoked, login

		// Revoking them again adds the record of the login only.
		for i := range ended {
			ended[i].Audit.ID = newID()
		}
		revoked, err = s.Revocations.RecordLogin(t.Context(), newAudit(u.ID, repository.AuditLogin), u.SessionEpoch, ended)
		must(t, err)
		if len(revoked) != 0 {
			t.Errorf("it says that it revoked %v again", revoked)
		}
		auditCount(t, s, u.ID, 5)
	}},
	{"AFailedLoginRecordRevokesNothing", func(t *testing.T, s repository.Store) {
		u := enabledUser(t, s)
		taken := newAudit(u.ID, repository.AuditLogin)
		appendAudit(t, s, taken)
		ended := []repository.Ended{{Revocation: newRevocation(u.ID), Audit: newAudit(u.ID, repository.AuditSessionEnded)}}
		if _, err := s.Revocations.RecordLogin(t.Context(), taken, u.SessionEpoch, ended); err == nil {
			t.Fatal("a record with a taken id was written")
		}
		list, err := s.Revocations.ListRevoked(t.Context(), u.ID)
		must(t, err)
		if len(list) != 0 {
			t.Errorf("revoked: %v", list)
		}
	}},
	{"TheListHasTheUsersOwn", func(t *testing.T, s repository.Store) {
		user := newID()
		mine, other := newRevocation(user), newRevocation(newID())
		for _, r := range []repository.Revocation{mine, other} {
			_, err := s.Revocations.RevokeSession(t.Context(), r, repository.Caller{}, newAudit(r.UserID, repository.AuditSessionEnded))
			must(t, err)
		}
		list, err := s.Revocations.ListRevoked(t.Context(), user)
		must(t, err)
		if len(list) != 1 || list[0] != mine.SessionID {
			t.Errorf("%v, want %s", list, mine.SessionID)
		}
	}},
	{"APurgeForgetsWhatExpiredBefore", func(t *testing.T, s repository.Store) {
		user := newID()
		for i := range 5 {
			r := newRevocation(user)
			r.ExpiresAt = noon.Add(time.Duration(i) * time.Microsecond)
			_, err := s.Revocations.RevokeSession(t.Context(), r, repository.Caller{}, newAudit(user, repository.AuditSessionEnded))
			must(t, err)
		}
		for _, want := range []int{2, 1, 0} { // three expired, two are deleted at a time
			n, err := s.Revocations.PurgeRevocations(t.Context(), noon.Add(3*time.Microsecond), 2)
			must(t, err)
			if n != want {
				t.Errorf("purged %d, want %d", n, want)
			}
		}
		list, err := s.Revocations.ListRevoked(t.Context(), user)
		must(t, err)
		if len(list) != 2 {
			t.Errorf("%d left, want 2", len(list))
		}
	}},
}

// enabledUser creates a user who can log in.
func enabledUser(t *testing.T, s repository.Store) repository.User {
	t.Helper()
	u := newUser("")
	u.Disabled = false
	must(t, create(t.Context(), s, u))
	return u
}

func newRevocation(userID string) repository.Revocation {
	return repository.Revocation{
		SessionID: newID(), UserID: userID, Reason: repository.EndLogout, At: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func auditCount(t *testing.T, s repository.Store, userID string, want int) {
	t.Helper()
	list, err := s.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: userID, Limit: 100})
	must(t, err)
	if len(list) != want {
		t.Errorf("%d audit records, want %d", len(list), want)
	}
}
