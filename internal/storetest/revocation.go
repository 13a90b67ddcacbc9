package storetest

import (
	"context"
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
		epoch, err := disable(t.Context(), s, u.ID, true)
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

// callerOf returns the caller of the kept session of a user from newUser.
func callerOf(u repository.User) repository.Caller {
	return repository.Caller{UserID: u.ID, SessionID: u.ExceptSession, Epoch: u.SessionEpoch}
}

// write calls a method that takes a Caller. The call succeeds if the caller is allowed.
type write struct {
	administrators bool // requires an administrator
	do             func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error
}

// writes contains all such methods. Each one uses its own records.
func writes(t *testing.T, s repository.Store, own repository.User) map[string]write {
	t.Helper()
	user, removed := addUser(t, s, newID(), 0, false), addUser(t, s, newID(), 0, false)
	addUser(t, s, newID(), 2, false) // the last administrator cannot be deleted
	client := func() repository.Client {
		c := newClient("c-" + newID()[20:])
		createClient(t, s, c)
		return c
	}
	changed, rotated, deleted := client(), client(), client()
	at := noon.Add(time.Hour)
	return map[string]write{
		"create a user": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			return s.Users.CreateUser(ctx, newUser(newID()), by, a)
		}},
		"act for a user": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			return s.Users.RecordActing(ctx, user, by, a)
		}},
		"create a reset link": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			u, err := s.Users.FindUserByID(ctx, user)
			must(t, err)
			return s.Links.CreateLink(ctx, newLink(repository.LinkReset, u), 3, by, a)
		}},
		"change a user": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			_, err := s.Users.ChangeUser(ctx, repository.UserChange{UserID: user, By: by, Locale: ptr("de"), At: at}, a)
			return err
		}},
		"remove a user": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			_, err := s.Users.RemoveUser(ctx, removed, time.Time{}, by, a)
			return err
		}},
		"end a session of another user": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			_, err := s.Revocations.RevokeSession(ctx, newRevocation(user), by, a)
			return err
		}},
		"end all sessions of a user": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			_, err := s.Users.EndUserSessions(ctx, user, by, at, a)
			return err
		}},
		"request a mail": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			return s.Outbox.RequestMessage(ctx, newMessage(""), by, a)
		}},
		"create a client": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			return s.Clients.CreateClient(ctx, newClient("c-"+newID()[20:]), by, a)
		}},
		"change a client": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			return s.Clients.UpdateClient(ctx, changed, changed.UpdatedAt, by, a)
		}},
		"rotate a secret": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			return s.Clients.RotateClientSecret(ctx, rotated.ID, "cc", at, at, by, a)
		}},
		"delete a client": {true, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			return s.Clients.DeleteClient(ctx, deleted.ID, at, by, a)
		}},
		"end a session": {false, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			_, err := s.Revocations.RevokeSession(ctx, newRevocation(own.ID), by, a)
			return err
		}},
		"end the other sessions": {false, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			_, err := s.Users.EndOtherUserSessions(ctx, by, at, a)
			return err
		}},
		"change the username": {false, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			name := newID()
			return s.Users.ChangeProfile(ctx, repository.ProfileChange{By: by, Hash: own.PasswordHash, Username: name, UsernameKey: name, At: at}, a)
		}},
		"delete the account": {false, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			_, err := s.Users.DeleteUser(ctx, by, own.PasswordHash, a)
			return err
		}},
		"change the password": {false, func(ctx context.Context, s repository.Store, by repository.Caller, a repository.AuditRecord) error {
			_, err := s.Users.ChangePassword(ctx, repository.PasswordChange{By: by, Old: own.PasswordHash, New: "new", At: at}, a)
			return err
		}},
	}
}

// callers tests every method that takes a repository.Caller.
var callers = []promise{
	{"OnlyALiveSessionChangesAnything", func(t *testing.T, s repository.Store) {
		type change = func(*repository.User, *repository.Caller)
		for name, c := range map[string]struct {
			change  change
			revoked bool
			allowed bool
		}{
			"of this epoch":                {change: func(u *repository.User, _ *repository.Caller) { u.ExceptSession = "" }, allowed: true},
			"kept, of an earlier epoch":    {change: func(_ *repository.User, by *repository.Caller) { by.Epoch-- }, allowed: true},
			"of an earlier epoch":          {change: func(_ *repository.User, by *repository.Caller) { by.Epoch--; by.SessionID = newID() }},
			"of a later epoch":             {change: func(_ *repository.User, by *repository.Caller) { by.Epoch++; by.SessionID = newID() }},
			"revoked":                      {revoked: true},
			"kept, and revoked since":      {change: func(_ *repository.User, by *repository.Caller) { by.Epoch-- }, revoked: true},
			"of a disabled user":           {change: func(u *repository.User, _ *repository.Caller) { u.Disabled = true }},
			"none":                         {change: func(u *repository.User, by *repository.Caller) { u.ExceptSession, by.SessionID = "", "" }},
			"of a user who does not exist": {change: func(_ *repository.User, by *repository.Caller) { by.UserID = newID() }},
		} {
			t.Run(name, func(t *testing.T) {
				for method := range writes(t, s, newUser("")) {
					u := newUser(newID())
					u.Disabled, u.Privilege = false, 2
					by := callerOf(u)
					if c.change != nil {
						c.change(&u, &by)
					}
					must(t, create(t.Context(), s, u))
					if c.revoked {
						r := newRevocation(u.ID)
						r.SessionID = by.SessionID
						_, err := s.Revocations.RevokeSession(t.Context(), r, repository.Caller{}, newAudit("", repository.AuditSessionEnded))
						must(t, err)
					}
					if err := writes(t, s, u)[method].try(t, s, by); c.allowed && err != nil || !c.allowed && !errors.Is(err, repository.ErrNotAllowed) {
						t.Errorf("%s: %v, allowed: %v", method, err, c.allowed)
					}
				}
			})
		}
	}},
	{"OnlyAnAdministratorChangesWhatIsNotTheirs", func(t *testing.T, s repository.Store) {
		for method := range writes(t, s, newUser("")) {
			for privilege := range 3 {
				u := newUser(newID())
				u.Disabled, u.Privilege = false, privilege
				must(t, create(t.Context(), s, u))
				w := writes(t, s, u)[method]
				err := w.try(t, s, callerOf(u))
				if allowed := !w.administrators || privilege == 2; allowed && err != nil || !allowed && !errors.Is(err, repository.ErrNotAllowed) {
					t.Errorf("%s, privilege %d: %v", method, privilege, err)
				}
			}
		}
	}},
	{"TheOperatorNeedsNoSession", func(t *testing.T, s repository.Store) {
		u := newUser("")
		for method, w := range writes(t, s, u) {
			if w.administrators || method == "end a session" {
				must(t, w.try(t, s, repository.Caller{}))
			}
		}
	}},
}

// try calls the method. It requires an audit record if the method succeeded, and none
// otherwise.
func (w write) try(t *testing.T, s repository.Store, by repository.Caller) error {
	t.Helper()
	about := newID()
	err := w.do(t.Context(), s, by, newAudit(about, repository.AuditClientChanged))
	want := 1
	if err != nil {
		want = 0
	}
	auditCount(t, s, about, want)
	return err
}
