package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

var users = []promise{
	{"RoundTripKeepsEveryField", func(t *testing.T, s repository.Store) {
		u := newUser("")
		must(t, s.Users.CreateUser(t.Context(), u, repository.Caller{}, newAudit(u.ID, repository.AuditUserCreated)))
		for name, find := range map[string]func() (repository.User, error){
			"by ID":       func() (repository.User, error) { return s.Users.FindUserByID(t.Context(), u.ID) },
			"by username": func() (repository.User, error) { return s.Users.FindUserByUsername(t.Context(), u.UsernameKey) },
			"by email":    func() (repository.User, error) { return s.Users.FindUserByEmail(t.Context(), u.EmailKey) },
			"of a session": func() (repository.User, error) {
				got, ended, err := s.Users.FindUserOfSession(t.Context(), u.ID, newID())
				if ended != "" {
					t.Error("an unknown session is revoked")
				}
				return got, err
			},
		} {
			got, err := find()
			must(t, err)
			if diff := cmp.Diff(u, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}},
	{"UnknownIsNotFound", func(t *testing.T, s repository.Store) {
		_, byID := s.Users.FindUserByID(t.Context(), newID())
		_, byName := s.Users.FindUserByUsername(t.Context(), "nobody")
		_, byEmail := s.Users.FindUserByEmail(t.Context(), "nobody@example.org")
		_, _, ofSession := s.Users.FindUserOfSession(t.Context(), newID(), newID())
		for i, err := range []error{byID, byName, byEmail, ofSession} {
			if !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("lookup %d: %v, want ErrNotFound", i, err)
			}
		}
	}},
	{"QuestionsThatComeTogetherHaveTheirOwnAnswers", func(t *testing.T, s repository.Store) {
		known := make([]repository.User, 8)
		for i := range known {
			known[i] = newUser(fmt.Sprint("-", i))
			must(t, create(t.Context(), s, known[i]))
		}
		var all sync.WaitGroup
		for n := range 400 {
			all.Go(func() {
				u := known[n%len(known)]
				switch n % 4 {
				case 0: // not a valid ID
					if _, _, err := s.Users.FindUserOfSession(t.Context(), "no id at all", newID()); err == nil {
						t.Error("a user without an id")
					}
				case 1:
					if _, _, err := s.Users.FindUserOfSession(t.Context(), newID(), newID()); !errors.Is(err, repository.ErrNotFound) {
						t.Errorf("nobody: %v", err)
					}
				default:
					if got, _, err := s.Users.FindUserOfSession(t.Context(), u.ID, newID()); err != nil || got.ID != u.ID {
						t.Errorf("%s: %s, %v", u.ID, got.ID, err)
					}
				}
			})
		}
		all.Wait()
	}},
	{"TakenNamesSayWhichOne", func(t *testing.T, s repository.Store) {
		u := newUser("")
		must(t, create(t.Context(), s, u))
		sameName, sameEmail := newUser("-b"), newUser("-c")
		sameName.UsernameKey, sameEmail.EmailKey = u.UsernameKey, u.EmailKey
		if err := create(t.Context(), s, sameName); !errors.Is(err, repository.ErrUsernameExists) {
			t.Errorf("same username: %v", err)
		}
		if err := create(t.Context(), s, sameEmail); !errors.Is(err, repository.ErrEmailExists) {
			t.Errorf("same email: %v", err)
		}
		if err := create(t.Context(), s, sameEmail); !errors.Is(err, repository.ErrExists) {
			t.Errorf("same email: %v is not ErrExists", err)
		}
	}},
	{"OneOfFiftyGetsAUsername", func(t *testing.T, s repository.Store) {
		errs := together(50, func(i int) error {
			u := newUser(tag(i))
			u.UsernameKey = "wanted"
			return create(t.Context(), s, u)
		})
		oneWinner(t, errs, repository.ErrUsernameExists)
	}},
	{"OneOfFiftyGetsAnEmail", func(t *testing.T, s repository.Store) {
		errs := together(50, func(i int) error {
			u := newUser(tag(i))
			u.EmailKey = "wanted@example.org"
			return create(t.Context(), s, u)
		})
		oneWinner(t, errs, repository.ErrEmailExists)
	}},
	{"AFailedCreationLeavesNoAudit", func(t *testing.T, s repository.Store) {
		u := newUser("")
		must(t, create(t.Context(), s, u))
		again := newUser("")
		if err := create(t.Context(), s, again); err == nil {
			t.Fatal("a second user with the same names was created")
		}
		list, err := s.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: again.ID, Limit: 10})
		must(t, err)
		if len(list) != 0 {
			t.Errorf("%d audit records about a user who does not exist", len(list))
		}
	}},
	{"ANewPasswordEndsTheOtherSessionsAndIsSetOnce", func(t *testing.T, s repository.Store) {
		u := newUser("")
		u.Disabled = false
		must(t, create(t.Context(), s, u))
		by := repository.Caller{UserID: u.ID, SessionID: "kept", Epoch: 7}
		oneWinner(t, together(8, func(i int) error {
			change := repository.PasswordChange{By: by, Old: u.PasswordHash, New: repository.PasswordHash("new" + tag(i)), At: noon.Add(time.Hour)}
			epoch, err := s.Users.ChangePassword(t.Context(), change, newAudit(u.ID, repository.AuditPasswordChange))
			if err == nil && epoch != 8 {
				t.Errorf("epoch %d, want 8", epoch)
			}
			return err
		}), repository.ErrNotFound)
		got, err := s.Users.FindUserByID(t.Context(), u.ID)
		must(t, err)
		if got.SessionEpoch != 8 || got.ExceptSession != "kept" || got.PasswordHash == u.PasswordHash || !got.UpdatedAt.Equal(noon.Add(time.Hour)) {
			t.Errorf("got %+v", got)
		}
		auditCount(t, s, u.ID, 2) // created, changed once
	}},
	{"AUsernameIsReplacedIfItIsFree", func(t *testing.T, s repository.Store) {
		u, other := newUser(""), newUser("-b")
		u.Disabled = false
		must(t, create(t.Context(), s, u))
		must(t, create(t.Context(), s, other))
		change := repository.ProfileChange{By: callerOf(u), Hash: u.PasswordHash, Username: "Grace", UsernameKey: "grace", At: noon.Add(time.Hour)}
		for want, wrong := range map[error]func(*repository.ProfileChange){
			repository.ErrUsernameExists: func(c *repository.ProfileChange) { c.UsernameKey = other.UsernameKey },
			repository.ErrNotFound:       func(c *repository.ProfileChange) { c.Hash = "an earlier hash" },
		} {
			c := change
			wrong(&c)
			if err := s.Users.ChangeProfile(t.Context(), c, newAudit(u.ID, repository.AuditUsernameChange)); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		auditCount(t, s, u.ID, 1)
		must(t, s.Users.ChangeProfile(t.Context(), change, newAudit(u.ID, repository.AuditUsernameChange)))
		got, err := s.Users.FindUserByUsername(t.Context(), "grace")
		must(t, err)
		want := u
		want.Username, want.UsernameKey, want.UpdatedAt = "Grace", "grace", noon.Add(time.Hour)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, err := s.Users.FindUserByUsername(t.Context(), u.UsernameKey); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("the earlier name: %v", err)
		}
		auditCount(t, s, u.ID, 2)
	}},
	{"ADeletedUserLeavesTheNamesAndTheRecords", func(t *testing.T, s repository.Store) {
		u := newUser("")
		u.Disabled = false
		must(t, create(t.Context(), s, u))
		if _, err := s.Users.DeleteUser(t.Context(), callerOf(u), "an earlier hash", newAudit(u.ID, repository.AuditUserDeleted)); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("with an earlier hash: %v", err)
		}
		auditCount(t, s, u.ID, 1)
		oneWinner(t, together(8, func(int) error {
			epoch, err := s.Users.DeleteUser(t.Context(), callerOf(u), u.PasswordHash, newAudit(u.ID, repository.AuditUserDeleted))
			if err == nil && epoch != 8 {
				t.Errorf("epoch %d, want 8", epoch)
			}
			return err
		}), repository.ErrNotAllowed)
		if _, err := s.Users.FindUserByID(t.Context(), u.ID); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("the user: %v", err)
		}
		auditCount(t, s, u.ID, 2)
		again := newUser("")
		again.ID = newID()
		must(t, create(t.Context(), s, again))
	}},
	{"TheLastAdministratorIsNotDeleted", func(t *testing.T, s repository.Store) {
		admins := make([]repository.User, 2)
		for i := range admins {
			admins[i] = newUser(fmt.Sprint("-", i))
			admins[i].Privilege, admins[i].Disabled = 2, false
			must(t, create(t.Context(), s, admins[i]))
		}
		addUser(t, s, "-off", 2, true)
		oneWinner(t, together(2, func(i int) error {
			_, err := s.Users.DeleteUser(t.Context(), callerOf(admins[i]), admins[i].PasswordHash, newAudit("", repository.AuditUserDeleted))
			return err
		}), repository.ErrLastAdministrator)
		left := 0
		for _, u := range admins {
			if _, err := s.Users.FindUserByID(t.Context(), u.ID); err == nil {
				left++
			}
		}
		if left != 1 {
			t.Errorf("%d administrators are left, want 1", left)
		}
	}},
	{"ASetPasswordEndsAllSessions", func(t *testing.T, s repository.Store) {
		u, other := newUser(""), newUser("-b")
		must(t, create(t.Context(), s, u))
		must(t, create(t.Context(), s, other))
		epoch, err := s.Users.SetPassword(t.Context(), u.ID, "new", noon.Add(time.Hour), newAudit(u.ID, repository.AuditPasswordChange))
		must(t, err)
		got := epochs(t, s, u.ID, epoch, "")
		if epoch != 8 || got.PasswordHash != "new" || !got.UpdatedAt.Equal(noon.Add(time.Hour)) {
			t.Errorf("epoch %d, %+v", epoch, got)
		}
		if got := epochs(t, s, other.ID, 7, other.ExceptSession); got.PasswordHash != other.PasswordHash {
			t.Error("the password of another user")
		}
		auditCount(t, s, u.ID, 2)
		if _, err := s.Users.SetPassword(t.Context(), newID(), "new", noon, newAudit(u.ID, repository.AuditPasswordChange)); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("an unknown user: %v", err)
		}
		auditCount(t, s, u.ID, 2)
	}},
	{"AHashIsReplacedIfItIsTheOneThatWasRead", func(t *testing.T, s repository.Store) {
		u := newUser("")
		must(t, s.Users.CreateUser(t.Context(), u, repository.Caller{}, newAudit(u.ID, repository.AuditUserCreated)))
		must(t, s.Users.ReplaceHash(t.Context(), u.ID, u.PasswordHash, "new", noon.Add(time.Hour)))
		if err := s.Users.ReplaceHash(t.Context(), u.ID, u.PasswordHash, "newer", noon); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("an old hash: %v", err)
		}
		got, err := s.Users.FindUserByID(t.Context(), u.ID)
		must(t, err)
		if got.PasswordHash != "new" || got.SessionEpoch != u.SessionEpoch || got.ExceptSession != u.ExceptSession {
			t.Errorf("%+v", got)
		}
	}},
	{"EndingAllSessionsOfAUserRaisesTheEpoch", func(t *testing.T, s repository.Store) {
		u, other := newUser(""), newUser("-b")
		u.Disabled = false
		must(t, create(t.Context(), s, u))
		must(t, create(t.Context(), s, other))
		epoch, err := s.Users.EndOtherUserSessions(t.Context(), repository.Caller{UserID: u.ID, SessionID: "this", Epoch: 7}, noon, newAudit(u.ID, repository.AuditSessionsEnded))
		must(t, err)
		epochs(t, s, u.ID, epoch, "this")
		if epoch != 8 {
			t.Errorf("epoch %d, want 8", epoch)
		}
		epoch, err = s.Users.EndUserSessions(t.Context(), u.ID, repository.Caller{}, noon, newAudit(u.ID, repository.AuditSessionsEnded))
		must(t, err)
		epochs(t, s, u.ID, epoch, "")
		if epoch != 9 {
			t.Errorf("epoch %d, want 9", epoch)
		}
		epochs(t, s, other.ID, 7, other.ExceptSession)
		auditCount(t, s, u.ID, 3)
		if _, err := s.Users.EndUserSessions(t.Context(), newID(), repository.Caller{}, noon, newAudit(u.ID, repository.AuditSessionsEnded)); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("an unknown user: %v", err)
		}
	}},
	{"DisablingEndsAllSessionsAndEnablingNone", func(t *testing.T, s repository.Store) {
		u := newUser("")
		u.Disabled = false
		must(t, create(t.Context(), s, u))
		_, err := disable(t.Context(), s, u.ID, true)
		must(t, err)
		got := epochs(t, s, u.ID, 8, "")
		if !got.Disabled {
			t.Error("not disabled")
		}
		_, err = disable(t.Context(), s, u.ID, false)
		must(t, err)
		if got := epochs(t, s, u.ID, 8, ""); got.Disabled {
			t.Error("still disabled")
		}
		if _, err := disable(t.Context(), s, newID(), true); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("an unknown user: %v", err)
		}
		auditCount(t, s, u.ID, 3)
	}},
	{"EndingEverySessionRaisesEveryEpoch", func(t *testing.T, s repository.Store) {
		u, other := newUser(""), newUser("-b")
		must(t, create(t.Context(), s, u))
		must(t, create(t.Context(), s, other))
		operator := newID()
		n, err := s.Users.EndAllSessions(t.Context(), noon, newAudit(operator, repository.AuditSessionsEnded))
		must(t, err)
		if n != 2 {
			t.Errorf("%d users, want 2", n)
		}
		epochs(t, s, u.ID, noon.UnixMicro(), "") // an epoch that no user had before
		epochs(t, s, other.ID, noon.UnixMicro(), "")
		_, err = s.Users.EndAllSessions(t.Context(), noon, newAudit(operator, repository.AuditSessionsEnded))
		must(t, err)
		epochs(t, s, u.ID, noon.UnixMicro()+1, "")
		auditCount(t, s, operator, 2)
	}},
	{"NobodyActsForAnAdministratorOrADisabledUser", func(t *testing.T, s repository.Store) {
		u := newUser("")
		u.Disabled, u.Privilege = false, 2
		must(t, create(t.Context(), s, u))
		for _, c := range []struct {
			name, user string
			allowed    bool
		}{
			{"a user", addUser(t, s, "-d", 0, false), true},
			{"a manager", addUser(t, s, "-c", 1, false), true},
			{"an administrator", addUser(t, s, "-a", 2, false), false},
			{"themselves", u.ID, false},
			{"a disabled user", addUser(t, s, "-e", 0, true), false},
			{"an unknown user", newID(), false},
		} {
			about := newID()
			err := s.Users.RecordActing(t.Context(), c.user, callerOf(u), newAudit(about, repository.AuditTokenIssued))
			if c.allowed && err != nil || !c.allowed && !errors.Is(err, repository.ErrNotAllowed) {
				t.Errorf("%s: %v", c.name, err)
			}
			auditCount(t, s, about, map[bool]int{true: 1}[c.allowed])
		}
	}},
	{"TheLastAdministratorIsNotDisabled", func(t *testing.T, s repository.Store) {
		admins := []string{addUser(t, s, "-a", 2, false), addUser(t, s, "-b", 2, false)}
		addUser(t, s, "-off", 2, true)
		user := addUser(t, s, "-c", 0, false)
		errs := together(32, func(i int) error {
			_, err := disable(t.Context(), s, admins[i%2], true)
			return err
		})
		enabled := 0
		for _, id := range admins {
			u, err := s.Users.FindUserByID(t.Context(), id)
			must(t, err)
			if !u.Disabled {
				enabled++
			}
		}
		if enabled != 1 {
			t.Errorf("%d administrators are enabled, want 1", enabled)
		}
		for _, err := range errs {
			if err != nil && !errors.Is(err, repository.ErrLastAdministrator) {
				t.Error(err)
			}
		}
		_, err := disable(t.Context(), s, user, true)
		must(t, err)
	}},
}

func create(ctx context.Context, s repository.Store, u repository.User) error {
	return s.Users.CreateUser(ctx, u, repository.Caller{}, newAudit(u.ID, repository.AuditUserCreated))
}

// epochs requires that a user has an epoch and a kept session.
func epochs(t *testing.T, s repository.Store, userID string, epoch int64, kept string) repository.User {
	t.Helper()
	u, err := s.Users.FindUserByID(t.Context(), userID)
	must(t, err)
	if u.SessionEpoch != epoch || u.ExceptSession != kept {
		t.Errorf("epoch %d, kept %q; want %d, %q", u.SessionEpoch, u.ExceptSession, epoch, kept)
	}
	return u
}

// oneWinner requires that one call succeeded and all other calls returned an error.
func oneWinner(t *testing.T, errs []error, want error) {
	t.Helper()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, want):
			t.Errorf("a loser got %v, want %v", err, want)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d won, want 1", won, len(errs))
	}
}
