package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"latchkey/repository"
)

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
	user := addUser(t, s, newID(), 0, false)
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
