package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

// newLink returns a link of a user with every field set. It proves the user's address.
func newLink(purpose repository.LinkPurpose, u repository.User) repository.Link {
	l := repository.Link{
		Hash: repository.LinkHash("hash-" + newID()), Purpose: purpose, UserID: u.ID, Email: u.Email, EmailKey: u.EmailKey,
		CredentialVersion: u.CredentialVersion, Mailed: true, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
	if purpose == repository.LinkSignup {
		l.UserID, l.Signup = "", []byte("sealed")
	}
	return l
}

// enabled creates an enabled user.
func enabled(t *testing.T, s repository.Store, tag string) repository.User {
	t.Helper()
	u := newUser(tag)
	u.Disabled, u.EmailVerifiedAt = false, time.Time{}
	must(t, create(t.Context(), s, u))
	return u
}

// mail sends a link as the worker does, and returns it.
func mail(t *testing.T, s repository.Store, l repository.Link) repository.Link {
	t.Helper()
	m := newMessage(l.UserID)
	must(t, s.Outbox.EnqueueMessage(t.Context(), m))
	admitted, err := s.Outbox.AdmitMessage(t.Context(), admission(m, &l))
	must(t, err)
	if !admitted {
		t.Fatal("the link was not admitted")
	}
	return l
}

// use uses a link for its purpose.
func use(ctx context.Context, s repository.Store, l repository.Link, at time.Time) error {
	var err error
	a := newAudit(l.UserID, repository.AuditEmailVerified)
	switch l.Purpose {
	case repository.LinkSignup:
		u := newUser(newID())
		u.Email, u.EmailKey, u.CreatedAt = l.Email, l.EmailKey, at
		err = s.Links.CreateVerifiedUser(ctx, l.Hash, u, newAudit(u.ID, repository.AuditUserCreated))
	case repository.LinkVerify:
		err = s.Links.VerifyEmail(ctx, l.Hash, at, a)
	case repository.LinkChange:
		undo := newLink(repository.LinkUndo, repository.User{})
		undo.CreatedAt, undo.ExpiresAt = at, at.Add(7*24*time.Hour)
		err = s.Links.ChangeEmail(ctx, l.Hash, &undo, 3, at, a)
	case repository.LinkReset:
		_, err = s.Links.ResetPassword(ctx, l.Hash, "reset", at, a)
	case repository.LinkUndo:
		_, err = s.Links.UndoEmail(ctx, l.Hash, "undone", at, a)
	}
	return err
}

var purposes = []repository.LinkPurpose{
	repository.LinkSignup, repository.LinkVerify, repository.LinkChange, repository.LinkReset, repository.LinkUndo,
}

var links = []promise{
	{"RoundTripKeepsEveryField", func(t *testing.T, s repository.Store) {
		for i, purpose := range purposes {
			want := mail(t, s, newLink(purpose, enabled(t, s, tag(i))))
			got, err := s.Links.FindLink(t.Context(), want.Hash, noon)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", purpose, diff)
			}
		}
	}},
	{"OneOfManyUsesALink", func(t *testing.T, s repository.Store) {
		for i, purpose := range purposes {
			l := newLink(purpose, enabled(t, s, tag(i)))
			if purpose == repository.LinkSignup || purpose == repository.LinkChange {
				l.Email, l.EmailKey = "New@example.org", "new"+tag(i)+"@example.org"
			}
			l = mail(t, s, l)
			oneWinner(t, together(8, func(int) error { return use(t.Context(), s, l, noon) }), repository.ErrNotFound)
			if _, err := s.Links.FindLink(t.Context(), l.Hash, noon); !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("%s: found after its use: %v", purpose, err)
			}
		}
	}},
	{"ALinkServesItsOwnPurposeUntilItExpires", func(t *testing.T, s repository.Store) {
		for i, purpose := range purposes {
			l := newLink(purpose, enabled(t, s, tag(i)))
			l.Email, l.EmailKey = "other"+tag(i)+"@example.org", "other"+tag(i)+"@example.org"
			if purpose == repository.LinkReset || purpose == repository.LinkVerify {
				l = newLink(purpose, enabled(t, s, "-b"+tag(i)))
			}
			mail(t, s, l)
			if _, err := s.Links.FindLink(t.Context(), l.Hash, l.ExpiresAt); !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("%s: found at its expiry: %v", purpose, err)
			}
			if err := use(t.Context(), s, l, l.ExpiresAt); !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("%s: used at its expiry: %v", purpose, err)
			}
			for _, wrong := range purposes {
				if wrong == purpose {
					continue
				}
				other := l
				other.Purpose = wrong
				if err := use(t.Context(), s, other, noon); !errors.Is(err, repository.ErrNotFound) {
					t.Errorf("a link for %s used for %s: %v", purpose, wrong, err)
				}
			}
			must(t, use(t.Context(), s, l, l.ExpiresAt.Add(-time.Microsecond)))
		}
	}},
	{"AResetReplacesThePasswordAndEndsTheSessions", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		l, other := mail(t, s, newLink(repository.LinkReset, u)), mail(t, s, newLink(repository.LinkReset, u))
		m := newMessage(u.ID)
		epoch, err := s.Links.ResetPassword(t.Context(), l.Hash, "reset", noon.Add(time.Minute), newAudit(u.ID, repository.AuditPasswordReset), m)
		must(t, err)
		got := epochs(t, s, u.ID, u.SessionEpoch+1, "")
		if epoch != u.SessionEpoch+1 || got.PasswordHash != "reset" || got.CredentialVersion != u.CredentialVersion+1 || !got.EmailVerifiedAt.Equal(noon.Add(time.Minute)) {
			t.Errorf("epoch %d, user %+v", epoch, got)
		}
		if err := use(t.Context(), s, other, noon); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("the other link: %v", err)
		}
		auditCount(t, s, u.ID, 2)
		if queued(t, s, m.ID) != 1 {
			t.Error("the notice is not in the outbox")
		}
	}},
	{"ALinkThatIsPassedOnDoesNotVerifyTheAddress", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		l := newLink(repository.LinkReset, u)
		l.Mailed = false
		must(t, s.Links.CreateLink(t.Context(), l, 3, repository.Caller{}, newAudit(u.ID, repository.AuditResetLink)))
		got, err := s.Users.FindUserByID(t.Context(), u.ID)
		must(t, err)
		if !got.ResetLinkIssuedAt.Equal(l.CreatedAt) {
			t.Errorf("issued at %v", got.ResetLinkIssuedAt)
		}
		must(t, use(t.Context(), s, l, noon))
		if got, err = s.Users.FindUserByID(t.Context(), u.ID); err != nil || !got.EmailVerifiedAt.IsZero() {
			t.Errorf("%v, verified at %v", err, got.EmailVerifiedAt)
		}
	}},
	{"ANewPasswordVoidsTheLinksForTheOldOne", func(t *testing.T, s repository.Store) {
		for i, change := range []func(u repository.User) error{
			func(u repository.User) error {
				_, err := s.Users.ChangePassword(t.Context(), repository.PasswordChange{By: callerOf(u), Old: u.PasswordHash, New: "x", At: noon}, newAudit(u.ID, repository.AuditPasswordChange))
				return err
			},
			func(u repository.User) error {
				_, err := s.Users.SetPassword(t.Context(), u.ID, "x", noon, newAudit(u.ID, repository.AuditPasswordChange))
				return err
			},
		} {
			u := enabled(t, s, tag(i))
			reset, changed, verify := newLink(repository.LinkReset, u), newLink(repository.LinkChange, u), newLink(repository.LinkVerify, u)
			changed.EmailKey = "new" + tag(i) + "@example.org"
			for _, l := range []repository.Link{reset, changed, verify} {
				mail(t, s, l)
			}
			must(t, s.Users.ReplaceHash(t.Context(), u.ID, u.PasswordHash, "rehashed", noon))
			if _, err := s.Links.FindLink(t.Context(), reset.Hash, noon); err != nil {
				t.Errorf("after a rehash: %v", err)
			}
			must(t, s.Users.ReplaceHash(t.Context(), u.ID, "rehashed", u.PasswordHash, noon))
			must(t, change(u))
			for _, l := range []repository.Link{reset, changed} {
				_, err := s.Links.FindLink(t.Context(), l.Hash, noon)
				if used := use(t.Context(), s, l, noon); !errors.Is(err, repository.ErrNotFound) || !errors.Is(used, repository.ErrNotFound) {
					t.Errorf("%s: found %v, used %v", l.Purpose, err, used)
				}
			}
			must(t, use(t.Context(), s, verify, noon))
		}
	}},
	{"AnAddressIsChangedAndRestored", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		l := newLink(repository.LinkChange, u)
		l.Email, l.EmailKey = "New@example.org", "new@example.org"
		mail(t, s, l)
		verify, reset := mail(t, s, newLink(repository.LinkVerify, u)), mail(t, s, newLink(repository.LinkReset, u))
		undo := newLink(repository.LinkUndo, repository.User{})
		m := newMessage(u.ID)
		must(t, s.Links.ChangeEmail(t.Context(), l.Hash, &undo, 3, noon, newAudit(u.ID, repository.AuditEmailChange), m))
		got, err := s.Users.FindUserByEmail(t.Context(), "new@example.org")
		must(t, err)
		if got.ID != u.ID || got.Email != "New@example.org" || !got.EmailVerifiedAt.Equal(noon) || got.SessionEpoch != u.SessionEpoch {
			t.Errorf("changed: %+v", got)
		}
		for _, old := range []repository.Link{verify, reset} {
			if err := use(t.Context(), s, old, noon); !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("a link to the old address, %s: %v", old.Purpose, err)
			}
		}
		if queued(t, s, m.ID) != 1 {
			t.Error("the notice is not in the outbox")
		}
		found, err := s.Links.FindLink(t.Context(), undo.Hash, noon)
		must(t, err)
		if found.UserID != u.ID || found.Email != u.Email || found.EmailKey != u.EmailKey {
			t.Errorf("the undo link: %+v", found)
		}
		epoch, err := s.Links.UndoEmail(t.Context(), undo.Hash, "undone", noon.Add(time.Minute), newAudit(u.ID, repository.AuditEmailRestored))
		must(t, err)
		got = epochs(t, s, u.ID, u.SessionEpoch+1, "")
		if epoch != got.SessionEpoch || got.Email != u.Email || got.EmailKey != u.EmailKey || got.PasswordHash != "undone" || got.CredentialVersion != u.CredentialVersion+1 || !got.EmailVerifiedAt.Equal(noon.Add(time.Minute)) {
			t.Errorf("restored: %+v", got)
		}
		auditCount(t, s, u.ID, 3)
	}},
	{"TheOldestUndoWins", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		var undos []repository.Link
		for i := range 4 {
			current, err := s.Users.FindUserByID(t.Context(), u.ID)
			must(t, err)
			l := newLink(repository.LinkChange, current)
			l.Email, l.EmailKey = "a"+tag(i)+"@example.org", "a"+tag(i)+"@example.org"
			mail(t, s, l)
			undo := newLink(repository.LinkUndo, repository.User{})
			undo.CreatedAt = noon.Add(time.Duration(i) * time.Minute)
			err = s.Links.ChangeEmail(t.Context(), l.Hash, &undo, 3, noon, newAudit(u.ID, repository.AuditEmailChange))
			if i == 3 {
				if !errors.Is(err, repository.ErrLimit) {
					t.Errorf("a fourth change: %v", err)
				}
				break
			}
			must(t, err)
			undos = append(undos, undo)
		}
		must(t, use(t.Context(), s, undos[1], noon))
		if err := use(t.Context(), s, undos[2], noon); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("a newer undo: %v", err)
		}
		must(t, use(t.Context(), s, undos[0], noon))
		got, err := s.Users.FindUserByID(t.Context(), u.ID)
		must(t, err)
		if got.EmailKey != u.EmailKey {
			t.Errorf("the address is %s, want %s", got.EmailKey, u.EmailKey)
		}
	}},
	{"AnAddressThatCanBeRestoredIsTaken", func(t *testing.T, s repository.Store) {
		// The address is taken at every moment: by its user, or by the undo link.
		for i := range 8 {
			u := enabled(t, s, tag(i))
			l := newLink(repository.LinkChange, u)
			l.Email, l.EmailKey = "free"+tag(i)+"@example.org", "free"+tag(i)+"@example.org"
			mail(t, s, l)
			errs := together(6, func(n int) error {
				if n == 0 {
					return use(t.Context(), s, l, noon)
				}
				other := newUser(newID())
				other.Email, other.EmailKey = u.Email, u.EmailKey
				return create(t.Context(), s, other)
			})
			must(t, errs[0])
			for _, err := range errs[1:] {
				if !errors.Is(err, repository.ErrEmailExists) {
					t.Errorf("signup with an address that can be restored: %v", err)
				}
			}
			again := newUser(newID())
			again.EmailKey, again.CreatedAt = u.EmailKey, noon.Add(7*24*time.Hour)
			must(t, create(t.Context(), s, again))
		}
	}},
	{"AnAccountThatCanBeRestoredIsNotDeletedByItsOwner", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		l := newLink(repository.LinkChange, u)
		l.Email, l.EmailKey = "new@example.org", "new@example.org"
		must(t, use(t.Context(), s, mail(t, s, l), noon))
		remove := func(at time.Time) error {
			a := newAudit(u.ID, repository.AuditUserDeleted)
			a.At = at
			_, err := s.Users.DeleteUser(t.Context(), callerOf(u), u.PasswordHash, a)
			return err
		}
		if err := remove(noon.Add(7*24*time.Hour - time.Microsecond)); !errors.Is(err, repository.ErrLimit) {
			t.Errorf("within a week: %v", err)
		}
		must(t, remove(noon.Add(7*24*time.Hour)))
	}},
	{"AChangeWithoutAnUndoReservesNothing", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		l := newLink(repository.LinkChange, u)
		l.Email, l.EmailKey = "new@example.org", "new@example.org"
		mail(t, s, l)
		must(t, s.Links.ChangeEmail(t.Context(), l.Hash, nil, 3, noon, newAudit(u.ID, repository.AuditEmailChange)))
		other := newUser("-b")
		other.EmailKey = u.EmailKey
		must(t, create(t.Context(), s, other))
	}},
	{"ATakenAddressIsNotTakenOver", func(t *testing.T, s repository.Store) {
		u, other := enabled(t, s, ""), enabled(t, s, "-b")
		l := newLink(repository.LinkChange, u)
		l.EmailKey = other.EmailKey
		mail(t, s, l)
		signup := newLink(repository.LinkSignup, other)
		mail(t, s, signup)
		for _, link := range []repository.Link{l, signup} {
			if err := use(t.Context(), s, link, noon); !errors.Is(err, repository.ErrEmailExists) {
				t.Errorf("%s: %v", link.Purpose, err)
			}
			if _, err := s.Links.FindLink(t.Context(), link.Hash, noon); err != nil {
				t.Errorf("%s: a failed use must not use the link: %v", link.Purpose, err)
			}
		}
		auditCount(t, s, u.ID, 1)
	}},
	{"AnAdministratorGetsNoLinkOfAnAdministrator", func(t *testing.T, s repository.Store) {
		admin, target := newUser("-a"), newUser("-b")
		for _, u := range []*repository.User{&admin, &target} {
			u.Disabled, u.Privilege = false, 2
			must(t, create(t.Context(), s, *u))
		}
		l := newLink(repository.LinkReset, target)
		if err := s.Links.CreateLink(t.Context(), l, 3, callerOf(admin), newAudit(target.ID, repository.AuditResetLink)); !errors.Is(err, repository.ErrNotAllowed) {
			t.Errorf("got %v", err)
		}
		must(t, s.Links.CreateLink(t.Context(), l, 3, repository.Caller{}, newAudit(target.ID, repository.AuditResetLink)))
		auditCount(t, s, target.ID, 2)
	}},
	{"LinksOfADisabledOrDeletedUserAreVoid", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		l := mail(t, s, newLink(repository.LinkReset, u))
		_, err := disable(t.Context(), s, u.ID, true)
		must(t, err)
		if err := use(t.Context(), s, l, noon); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("disabled: %v", err)
		}
		gone := enabled(t, s, "-b")
		l = mail(t, s, newLink(repository.LinkReset, gone))
		_, err = s.Users.DeleteUser(t.Context(), callerOf(gone), gone.PasswordHash, newAudit(gone.ID, repository.AuditUserDeleted))
		must(t, err)
		if err := use(t.Context(), s, l, noon); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
	}},
	{"ExpiredLinksArePurged", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		for i := range 3 {
			l := newLink(repository.LinkReset, u)
			l.ExpiresAt = noon.Add(time.Duration(i+1) * time.Hour)
			mail(t, s, l)
		}
		n, err := s.Links.PurgeLinks(t.Context(), noon.Add(2*time.Hour+time.Microsecond), 10)
		if err != nil || fmt.Sprint(n) != "2" {
			t.Errorf("%d, %v", n, err)
		}
	}},
}
