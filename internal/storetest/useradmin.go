package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

func ptr[T any](v T) *T { return &v }

// disable disables or enables a user, and returns the user's new epoch.
func disable(ctx context.Context, s repository.Store, id string, disabled bool) (epoch int64, err error) {
	u, err := s.Users.ChangeUser(ctx, repository.UserChange{UserID: id, Disabled: &disabled, At: noon}, newAudit(id, repository.AuditUserDisabled))
	return u.SessionEpoch, err
}

// crowd creates users with every combination of the filters, at times that repeat.
func crowd(t *testing.T, s repository.Store, n int) []repository.User {
	t.Helper()
	list := make([]repository.User, n)
	for i := range list {
		u := newUser(fmt.Sprintf("-%03d", i))
		u.Privilege, u.Disabled = i%3, i%2 == 0
		u.CreatedAt, u.UpdatedAt = noon.Add(time.Duration(i/4)*time.Second), noon
		if i%5 < 2 {
			u.EmailVerifiedAt = time.Time{}
		}
		if i%7 == 0 {
			u.UsernameKey, u.EmailKey = fmt.Sprintf("x%03d", i), fmt.Sprintf("ada-x%03d@example.org", i)
		}
		must(t, create(t.Context(), s, u))
		list[i] = u
	}
	return list
}

// pages reads all pages of a query, and returns the user of each entry.
func pages(t *testing.T, s repository.Store, q repository.UserQuery) (ids []string) {
	t.Helper()
	for range 200 {
		page, err := s.Users.ListUsers(t.Context(), q)
		must(t, err)
		for _, e := range page {
			ids = append(ids, e.ID)
		}
		if len(page) < q.Limit {
			return ids
		}
		q.After = page[len(page)-1].Cursor()
	}
	t.Fatal("the pages have no end")
	return nil
}

var userAdmin = []promise{
	{"PagesHaveEachUserOnceInOrder", func(t *testing.T, s repository.Store) {
		all := crowd(t, s, 60)
		for _, limit := range []int{1, 7, 60, 100} {
			for name, c := range map[string]struct {
				query repository.UserQuery
				match func(repository.User) bool
			}{
				"all":           {repository.UserQuery{}, func(repository.User) bool { return true }},
				"privilege":     {repository.UserQuery{Privilege: ptr(2)}, func(u repository.User) bool { return u.Privilege == 2 }},
				"disabled":      {repository.UserQuery{Disabled: ptr(true)}, func(u repository.User) bool { return u.Disabled }},
				"not verified":  {repository.UserQuery{Verified: ptr(false)}, func(u repository.User) bool { return u.EmailVerifiedAt.IsZero() }},
				"created after": {repository.UserQuery{CreatedAfter: noon.Add(5 * time.Second)}, func(u repository.User) bool { return !u.CreatedAt.Before(noon.Add(5 * time.Second)) }},
				"several": {
					repository.UserQuery{Privilege: ptr(1), Disabled: ptr(false), Verified: ptr(true), CreatedAfter: noon.Add(time.Second)},
					func(u repository.User) bool {
						return u.Privilege == 1 && !u.Disabled && !u.EmailVerifiedAt.IsZero() && !u.CreatedAt.Before(noon.Add(time.Second))
					},
				},
				"prefix": {repository.UserQuery{Prefix: "ada"}, func(u repository.User) bool {
					return strings.HasPrefix(u.UsernameKey, "ada") || strings.HasPrefix(u.EmailKey, "ada")
				}},
				"prefix and filter": {repository.UserQuery{Prefix: "x0", Disabled: ptr(true)}, func(u repository.User) bool {
					return u.Disabled && strings.HasPrefix(u.UsernameKey, "x0")
				}},
				"none": {repository.UserQuery{Prefix: "nobody"}, func(repository.User) bool { return false }},
			} {
				q := c.query
				q.Limit = limit
				var want []repository.UserEntry
				for _, u := range all {
					keys := []string{""}
					if q.Prefix != "" {
						keys = slices.DeleteFunc([]string{u.UsernameKey, u.EmailKey}, func(key string) bool { return !strings.HasPrefix(key, q.Prefix) })
					}
					for _, key := range keys {
						if c.match(u) {
							want = append(want, repository.UserEntry{User: u, Key: key})
						}
					}
				}
				slices.SortFunc(want, func(a, b repository.UserEntry) int {
					return cmp.Or(strings.Compare(a.Key, b.Key), b.CreatedAt.Compare(a.CreatedAt), strings.Compare(b.ID, a.ID))
				})
				var ids []string
				for _, e := range want {
					ids = append(ids, e.ID)
				}
				if diff := gocmp.Diff(ids, pages(t, s, q)); diff != "" {
					t.Errorf("%s, %d on a page (-want +got):\n%s", name, limit, diff)
				}
			}
		}
	}},
	{"AListedUserHasEveryField", func(t *testing.T, s repository.Store) {
		u := newUser("")
		must(t, create(t.Context(), s, u))
		for _, q := range []repository.UserQuery{{Limit: 1}, {Limit: 1, Prefix: "ada"}} {
			got, err := s.Users.ListUsers(t.Context(), q)
			must(t, err)
			if diff := gocmp.Diff(u, got[0].User); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}},
	{"APrefixHasNoWildcards", func(t *testing.T, s repository.Store) {
		crowd(t, s, 8)
		for _, prefix := range []string{"%", "_", "a%", `\`, "ad_"} {
			if got := pages(t, s, repository.UserQuery{Prefix: prefix, Limit: 10}); len(got) > 0 {
				t.Errorf("%q finds %d users", prefix, len(got))
			}
		}
	}},
	{"PagesAreStableWhileUsersAreCreated", func(t *testing.T, s repository.Store) {
		crowd(t, s, 20)
		q := repository.UserQuery{Limit: 10}
		first, err := s.Users.ListUsers(t.Context(), q)
		must(t, err)
		later := newUser("-later")
		later.CreatedAt = noon.Add(time.Hour)
		must(t, create(t.Context(), s, later))
		q.After = first[9].Cursor()
		second, err := s.Users.ListUsers(t.Context(), q)
		must(t, err)
		seen := map[string]bool{}
		for _, e := range append(first, second...) {
			seen[e.ID] = true
		}
		if len(seen) != 20 {
			t.Errorf("two pages of ten have %d users", len(seen))
		}
	}},
	{"AChangeSetsItsFieldsOnly", func(t *testing.T, s repository.Store) {
		u := newUser("")
		u.Disabled, u.DisabledReason = false, ""
		must(t, create(t.Context(), s, u))
		addUser(t, s, newID(), 2, false)
		at := noon.Add(time.Hour)
		want := u
		for name, c := range map[string]struct {
			change repository.UserChange
			apply  func(*repository.User)
		}{
			"names": {repository.UserChange{Username: ptr("Grace"), UsernameKey: "grace", Email: ptr("G@x.org"), EmailKey: "g@x.org"}, func(u *repository.User) {
				u.Username, u.UsernameKey, u.Email, u.EmailKey, u.EmailVerifiedAt = "Grace", "grace", "G@x.org", "g@x.org", time.Time{}
			}},
		} {
			c.change.UserID, c.change.At = u.ID, at
			got, err := s.Users.ChangeUser(t.Context(), c.change, newAudit(u.ID, repository.AuditUserChanged))
			must(t, err)
			c.apply(&want)
			want.UpdatedAt = at
			stored, err := s.Users.FindUserByID(t.Context(), u.ID)
			must(t, err)
			if diff := gocmp.Diff(want, got) + gocmp.Diff(want, stored); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		got, err := s.Users.ChangeUser(t.Context(), repository.UserChange{
			UserID: u.ID, Privilege: ptr(0), Disabled: ptr(true), DisabledReason: ptr("spam"), Verified: ptr(true), Locale: ptr("ko"), At: at, // as the change before
		}, newAudit(u.ID, repository.AuditUserDisabled))
		must(t, err)
		want.Privilege, want.Disabled, want.DisabledReason, want.EmailVerifiedAt, want.Locale = 0, true, "spam", at, "ko"
		want.SessionEpoch, want.ExceptSession, want.UpdatedAt = u.SessionEpoch+1, "", at.Add(time.Microsecond)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("disabled (-want +got):\n%s", diff)
		}
		got, err = s.Users.ChangeUser(t.Context(), repository.UserChange{UserID: u.ID, Disabled: ptr(false), At: at}, newAudit(u.ID, repository.AuditUserEnabled))
		must(t, err)
		if got.Disabled || got.DisabledReason != "" || got.SessionEpoch != want.SessionEpoch {
			t.Errorf("enabled: %+v", got)
		}
		auditCount(t, s, u.ID, 4)
	}},
	{"ANewAddressVoidsTheLinksButNotTheUndo", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		change, undo := newLink(repository.LinkChange, u), newLink(repository.LinkUndo, u)
		for _, l := range []repository.Link{change, undo} {
			must(t, s.Links.CreateLink(t.Context(), l, 3, repository.Caller{}, newAudit(u.ID, repository.AuditResetLink)))
		}
		m := newMessage("")
		_, err := s.Users.ChangeUser(t.Context(), repository.UserChange{UserID: u.ID, Email: ptr("g@x.org"), EmailKey: "g@x.org", At: noon}, newAudit(u.ID, repository.AuditUserChanged), m)
		must(t, err)
		for l, want := range map[repository.LinkHash]bool{change.Hash: false, undo.Hash: true} {
			if _, err := s.Links.FindLink(t.Context(), l, noon); (err == nil) != want {
				t.Errorf("usable: %v, want %t", err, want)
			}
		}
	}},
	{"OneOfManyChangesAVersion", func(t *testing.T, s repository.Store) {
		u := newUser("")
		must(t, create(t.Context(), s, u))
		oneWinner(t, together(8, func(i int) error {
			_, err := s.Users.ChangeUser(t.Context(), repository.UserChange{UserID: u.ID, Was: u.UpdatedAt, Locale: ptr("de"), At: u.UpdatedAt}, newAudit(u.ID, repository.AuditUserChanged))
			return err
		}), repository.ErrConflict)
		auditCount(t, s, u.ID, 2)
	}},
	{"TakenNamesAreRefused", func(t *testing.T, s repository.Store) {
		u, other := newUser(""), newUser("-b")
		must(t, create(t.Context(), s, u))
		must(t, create(t.Context(), s, other))
		for want, c := range map[error]repository.UserChange{
			repository.ErrUsernameExists: {Username: ptr("x"), UsernameKey: other.UsernameKey},
			repository.ErrEmailExists:    {Email: ptr("x"), EmailKey: other.EmailKey},
		} {
			c.UserID, c.At = u.ID, noon
			if _, err := s.Users.ChangeUser(t.Context(), c, newAudit(u.ID, repository.AuditUserChanged)); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		if _, err := s.Users.ChangeUser(t.Context(), repository.UserChange{UserID: newID(), At: noon}, newAudit(newID(), repository.AuditUserChanged)); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("an unknown user: %v", err)
		}
		auditCount(t, s, u.ID, 1)
	}},
	{"OneAdministratorStaysWhateverRaces", func(t *testing.T, s repository.Store) {
		var admins []repository.User
		for i := range 2 {
			u := newUser(tag(i))
			u.Privilege, u.Disabled = 2, false
			must(t, create(t.Context(), s, u))
			admins = append(admins, u)
		}
		together(64, func(i int) error {
			u := admins[i%2]
			a := newAudit(u.ID, repository.AuditUserChanged)
			var err error
			switch i / 2 % 4 {
			case 0:
				_, err = s.Users.ChangeUser(t.Context(), repository.UserChange{UserID: u.ID, By: callerOf(admins[1-i%2]), Privilege: ptr(0), At: noon}, a)
			case 1:
				_, err = s.Users.ChangeUser(t.Context(), repository.UserChange{UserID: u.ID, Disabled: ptr(true), At: noon}, a)
			case 2:
				_, err = s.Users.RemoveUser(t.Context(), u.ID, time.Time{}, repository.Caller{}, a)
			case 3:
				_, err = s.Users.DeleteUser(t.Context(), callerOf(u), u.PasswordHash, a)
			}
			return err
		})
		left := pages(t, s, repository.UserQuery{Privilege: ptr(2), Disabled: ptr(false), Limit: 10})
		if len(left) != 1 {
			t.Errorf("%d enabled administrators remain, want 1", len(left))
		}
	}},
	{"ARemovedUserIsGone", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		addUser(t, s, newID(), 2, false)
		oneWinner(t, together(6, func(int) error {
			epoch, err := s.Users.RemoveUser(t.Context(), u.ID, time.Time{}, repository.Caller{}, newAudit(u.ID, repository.AuditUserDeleted))
			if err == nil && epoch != u.SessionEpoch+1 {
				t.Errorf("epoch %d", epoch)
			}
			return err
		}), repository.ErrNotFound)
		auditCount(t, s, u.ID, 2)
	}},
	{"OnlyTheSeenVersionIsRemoved", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		if _, err := s.Users.RemoveUser(t.Context(), u.ID, u.UpdatedAt.Add(time.Microsecond), repository.Caller{}, newAudit(u.ID, repository.AuditUserDeleted)); !errors.Is(err, repository.ErrConflict) {
			t.Errorf("another version: %v, want ErrConflict", err)
		}
		auditCount(t, s, u.ID, 1)
		_, err := s.Users.RemoveUser(t.Context(), u.ID, u.UpdatedAt, repository.Caller{}, newAudit(u.ID, repository.AuditUserDeleted))
		must(t, err)
	}},
}
