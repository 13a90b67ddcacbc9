package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

// newMessage returns a message with every field set, except the user if userID is empty.
func newMessage(userID string) repository.Message {
	return repository.Message{
		ID: newID(), Kind: "reset_password", UserID: userID, Sealed: []byte("sealed"), CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func admission(m repository.Message, l *repository.Link) repository.Admission {
	return repository.Admission{
		MessageID: m.ID, Recipient: "recipient", Budget: "links", Since: noon.Add(-time.Hour), Link: l, MaxLinks: 100, At: noon,
	}
}

// queued returns how many queued messages have an ID: 0 or 1.
func queued(t *testing.T, s repository.Store, id string) int {
	t.Helper()
	list, err := s.Outbox.ListMessages(t.Context(), repository.MessageQuery{ID: id, State: repository.MessageQueued, Limit: 2})
	must(t, err)
	return len(list)
}

// oneMessage returns the message with an ID.
func oneMessage(t *testing.T, s repository.Store, id string) repository.QueuedMessage {
	t.Helper()
	list, err := s.Outbox.ListMessages(t.Context(), repository.MessageQuery{ID: id, Limit: 2})
	must(t, err)
	if len(list) != 1 {
		t.Fatalf("%d messages have the ID", len(list))
	}
	return list[0]
}

var outbox = []promise{
	{"RoundTripKeepsEveryField", func(t *testing.T, s repository.Store) {
		for _, m := range []repository.Message{newMessage(enabled(t, s, "").ID), newMessage("")} {
			must(t, s.Outbox.EnqueueMessage(t.Context(), m))
			want := repository.QueuedMessage{Message: m, State: repository.MessageQueued, DueAt: noon}
			if diff := cmp.Diff(want, oneMessage(t, s, m.ID)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}},
	{"ChangesAddTheirMessages", func(t *testing.T, s repository.Store) {
		u := newUser("")
		u.Disabled = false
		mails := make([]repository.Message, 6)
		for i := range mails {
			mails[i] = newMessage(u.ID)
		}
		must(t, s.Users.CreateUser(t.Context(), u, repository.Caller{}, newAudit(u.ID, repository.AuditUserCreated), mails[0], mails[1]))
		must(t, s.Users.ChangeProfile(t.Context(), repository.ProfileChange{By: callerOf(u), Hash: u.PasswordHash, Locale: "ko", At: noon},
			newAudit(u.ID, repository.AuditProfileChange), mails[2]))
		_, err := s.Revocations.RecordLogin(t.Context(), newAudit(u.ID, repository.AuditLogin), u.SessionEpoch, nil, mails[3])
		must(t, err)
		r := newRevocation(u.ID)
		_, err = s.Revocations.RevokeSession(t.Context(), r, repository.Caller{}, newAudit(u.ID, repository.AuditRefreshReused), mails[4])
		must(t, err)
		_, err = s.Users.ChangePassword(t.Context(), repository.PasswordChange{By: callerOf(u), Old: u.PasswordHash, New: "x", At: noon},
			newAudit(u.ID, repository.AuditPasswordChange), mails[5])
		must(t, err)
		for i, m := range mails {
			if queued(t, s, m.ID) != 1 {
				t.Errorf("message %d is not in the outbox", i)
			}
		}
		got, err := s.Users.FindUserByID(t.Context(), u.ID)
		must(t, err)
		if got.Locale != "ko" || got.Username != u.Username || got.UsernameKey != u.UsernameKey {
			t.Errorf("got %+v", got)
		}
	}},
	{"AChangeThatFailsAddsNoMessage", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		m := newMessage("")
		stale := callerOf(u)
		stale.SessionID, stale.Epoch = newID(), 0
		if err := s.Users.CreateUser(t.Context(), newUser(""), repository.Caller{}, newAudit(newID(), repository.AuditUserCreated), m); err == nil {
			t.Error("a second user with the same names")
		}
		if err := s.Users.ChangeProfile(t.Context(), repository.ProfileChange{By: stale, Hash: u.PasswordHash, At: noon}, newAudit(u.ID, repository.AuditProfileChange), m); err == nil {
			t.Error("a caller that is not live")
		}
		if _, err := s.Revocations.RecordLogin(t.Context(), newAudit(u.ID, repository.AuditLogin), u.SessionEpoch+1, nil, m); err == nil {
			t.Error("a login of another epoch")
		}
		r := newRevocation(u.ID)
		_, err := s.Revocations.RevokeSession(t.Context(), r, repository.Caller{}, newAudit(u.ID, repository.AuditRefreshReused))
		must(t, err)
		if first, err := s.Revocations.RevokeSession(t.Context(), r, repository.Caller{}, newAudit(u.ID, repository.AuditRefreshReused), m); first || err != nil {
			t.Errorf("revoked again: %v, %v", first, err)
		}
		if _, err := s.Users.SetPassword(t.Context(), newID(), "x", noon, newAudit(newID(), repository.AuditPasswordChange), m); err == nil {
			t.Error("a password for nobody")
		}
		if queued(t, s, m.ID) != 0 {
			t.Error("a change that failed has added its message")
		}
	}},
	{"OneOfManyClaimsAMessage", func(t *testing.T, s repository.Store) {
		const n = 60
		for range n {
			must(t, s.Outbox.EnqueueMessage(t.Context(), newMessage("")))
		}
		claimed := map[string]int{}
		var mu sync.Mutex
		for range 10 {
			for _, err := range together(8, func(int) error {
				list, err := s.Outbox.ClaimMessages(t.Context(), noon, noon.Add(time.Minute), 7)
				mu.Lock()
				defer mu.Unlock()
				for _, m := range list {
					claimed[m.ID]++
					if m.Attempts != 1 || string(m.Sealed) != "sealed" || !m.DueAt.Equal(noon.Add(time.Minute)) {
						t.Errorf("claimed %+v", m)
					}
				}
				return err
			}) {
				must(t, err)
			}
		}
		if len(claimed) != n {
			t.Errorf("%d of %d claimed", len(claimed), n)
		}
		for id, times := range claimed {
			if times != 1 {
				t.Errorf("%s was claimed %d times", id, times)
			}
		}
	}},
	{"AClaimEnds", func(t *testing.T, s repository.Store) {
		m := newMessage("")
		must(t, s.Outbox.EnqueueMessage(t.Context(), m))
		claim := func(now time.Time) int {
			list, err := s.Outbox.ClaimMessages(t.Context(), now, now.Add(time.Minute), 10)
			must(t, err)
			return len(list)
		}
		for i, c := range []struct {
			at   time.Duration
			want int
		}{{-time.Microsecond, 0}, {0, 1}, {time.Minute - time.Microsecond, 0}, {time.Minute, 1}} {
			if got := claim(noon.Add(c.at)); got != c.want {
				t.Errorf("step %d: claimed %d, want %d", i, got, c.want)
			}
		}
	}},
	{"TheEndOfAnAttempt", func(t *testing.T, s repository.Store) {
		start := func() repository.QueuedMessage {
			must(t, s.Outbox.EnqueueMessage(t.Context(), newMessage("")))
			list, err := s.Outbox.ClaimMessages(t.Context(), noon, noon.Add(time.Minute), 10)
			must(t, err)
			if len(list) != 1 {
				t.Fatalf("claimed %d", len(list))
			}
			return list[0]
		}
		for state, sealed := range map[repository.MessageState][]byte{
			repository.MessageQueued: []byte("sealed"), repository.MessageSent: nil, repository.MessageDropped: nil, repository.MessageDead: []byte("sealed"),
		} {
			m := start()
			end := repository.MessageEnd{State: state, Reason: "a reason", At: noon.Add(time.Second), DueAt: noon.Add(time.Hour), Attempt: 1}
			must(t, s.Outbox.EndMessage(t.Context(), m.ID, end))
			got := oneMessage(t, s, m.ID)
			want := m
			want.State, want.Reason, want.DueAt, want.Sealed, want.EndedAt = state, "a reason", noon.Add(time.Hour), sealed, noon.Add(time.Second)
			if state == repository.MessageQueued {
				want.EndedAt = time.Time{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", state, diff)
			}
		}
		// Another worker has claimed the message since: only that it was sent counts.
		m := start()
		list, err := s.Outbox.ClaimMessages(t.Context(), noon.Add(time.Minute), noon.Add(2*time.Minute), 1)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		late := repository.MessageEnd{State: repository.MessageDead, At: noon, DueAt: noon, Attempt: 1}
		must(t, s.Outbox.EndMessage(t.Context(), m.ID, late))
		if got := oneMessage(t, s, m.ID); got.State != repository.MessageQueued {
			t.Errorf("an old attempt ended the message: %s", got.State)
		}
		late.State = repository.MessageSent
		must(t, s.Outbox.EndMessage(t.Context(), m.ID, late))
		if got := oneMessage(t, s, m.ID); got.State != repository.MessageSent {
			t.Errorf("the message was sent, and is %s", got.State)
		}
	}},
	{"ABudgetIsNotExceeded", func(t *testing.T, s repository.Store) {
		admit := func(change func(*repository.Admission)) (bool, error) {
			m := newMessage("")
			must(t, s.Outbox.EnqueueMessage(t.Context(), m))
			a := admission(m, nil)
			a.Max = 3
			change(&a)
			return s.Outbox.AdmitMessage(t.Context(), a)
		}
		admitted := 0
		var mu sync.Mutex
		for _, err := range together(10, func(int) error {
			ok, err := admit(func(*repository.Admission) {})
			mu.Lock()
			defer mu.Unlock()
			if ok {
				admitted++
			}
			return err
		}) {
			must(t, err)
		}
		if admitted != 3 {
			t.Errorf("%d admitted, want 3", admitted)
		}
		for name, change := range map[string]func(*repository.Admission){
			"another budget":    func(a *repository.Admission) { a.Budget = "notices" },
			"another recipient": func(a *repository.Admission) { a.Recipient = "other" },
			"later":             func(a *repository.Admission) { a.Since, a.At = noon, noon.Add(time.Hour) },
			"no limit":          func(a *repository.Admission) { a.Max = 0 },
		} {
			if ok, err := admit(change); !ok || err != nil {
				t.Errorf("%s: %v, %v", name, ok, err)
			}
		}
	}},
	{"AnAdmittedMessageIsAdmittedAgain", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		m, l := newMessage(u.ID), newLink(repository.LinkVerify, u)
		must(t, s.Outbox.EnqueueMessage(t.Context(), m))
		a := admission(m, &l)
		a.Max, a.MaxLinks = 1, 1
		for range 3 {
			if ok, err := s.Outbox.AdmitMessage(t.Context(), a); !ok || err != nil {
				t.Fatalf("%v, %v", ok, err)
			}
		}
		must(t, use(t.Context(), s, l, noon))
		if ok, err := s.Outbox.AdmitMessage(t.Context(), a); ok || !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("after the link was used: %v, %v", ok, err)
		}
	}},
	{"LinksOfAPurposeAreLimited", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		for _, purpose := range []repository.LinkPurpose{repository.LinkReset, repository.LinkSignup} {
			var live []repository.Link
			admit := func(l repository.Link, replace bool) bool {
				m := newMessage("")
				must(t, s.Outbox.EnqueueMessage(t.Context(), m))
				a := admission(m, &l)
				a.MaxLinks, a.Replace = 3, replace
				ok, err := s.Outbox.AdmitMessage(t.Context(), a)
				must(t, err)
				return ok
			}
			for i := range 3 {
				l := newLink(purpose, u)
				l.CreatedAt = noon.Add(time.Duration(i) * time.Second)
				live = append(live, l)
				if !admit(l, false) {
					t.Fatalf("%s: link %d was not admitted", purpose, i)
				}
			}
			if admit(newLink(purpose, u), false) {
				t.Errorf("%s: a fourth link", purpose)
			}
			replacing := newLink(purpose, u)
			if !admit(replacing, true) {
				t.Errorf("%s: no link was replaced", purpose)
			}
			if _, err := s.Links.FindLink(t.Context(), live[0].Hash, noon); !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("%s: the oldest link: %v", purpose, err)
			}
			for _, l := range append(live[1:], replacing) {
				if _, err := s.Links.FindLink(t.Context(), l.Hash, noon); err != nil {
					t.Errorf("%s: %v", purpose, err)
				}
			}
		}
	}},
	{"ALinkIsNotMadeForAChangedAccount", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		for name, wrong := range map[string]func(*repository.Link){
			"another address":  func(l *repository.Link) { l.EmailKey = "other@example.org" },
			"another password": func(l *repository.Link) { l.CredentialVersion++ },
			"another user":     func(l *repository.Link) { l.UserID = newID() },
		} {
			l := newLink(repository.LinkReset, u)
			wrong(&l)
			m := newMessage("")
			must(t, s.Outbox.EnqueueMessage(t.Context(), m))
			if ok, err := s.Outbox.AdmitMessage(t.Context(), admission(m, &l)); ok || !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("%s: %v, %v", name, ok, err)
			}
		}
	}},
	{"ADeadMessageIsRetried", func(t *testing.T, s repository.Store) {
		m := newMessage("")
		must(t, s.Outbox.EnqueueMessage(t.Context(), m))
		if err := s.Outbox.RetryMessage(t.Context(), m.ID, noon, noon); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("a queued message: %v", err)
		}
		_, err := s.Outbox.ClaimMessages(t.Context(), noon, noon.Add(time.Minute), 1)
		must(t, err)
		must(t, s.Outbox.EndMessage(t.Context(), m.ID, repository.MessageEnd{State: repository.MessageDead, At: noon, DueAt: noon, Attempt: 1}))
		counts, err := s.Outbox.CountMessages(t.Context())
		if err != nil || counts != (repository.MessageCounts{Dead: 1}) {
			t.Errorf("%+v, %v", counts, err)
		}
		must(t, s.Outbox.RetryMessage(t.Context(), m.ID, noon.Add(time.Hour), noon.Add(2*time.Hour)))
		got := oneMessage(t, s, m.ID)
		if got.State != repository.MessageQueued || got.Attempts != 0 || !got.DueAt.Equal(noon.Add(time.Hour)) || !got.ExpiresAt.Equal(noon.Add(2*time.Hour)) || !got.EndedAt.IsZero() {
			t.Errorf("got %+v", got)
		}
		counts, err = s.Outbox.CountMessages(t.Context())
		if err != nil || counts != (repository.MessageCounts{Queued: 1, Oldest: noon}) {
			t.Errorf("%+v, %v", counts, err)
		}
	}},
	{"EndedMessagesArePurged", func(t *testing.T, s repository.Store) {
		for i := range 3 {
			m := newMessage("")
			must(t, s.Outbox.EnqueueMessage(t.Context(), m))
			must(t, s.Outbox.EndMessage(t.Context(), m.ID, repository.MessageEnd{State: repository.MessageSent, At: noon.Add(time.Duration(i) * time.Hour), DueAt: noon}))
		}
		waiting, old := newMessage(""), newMessage("")
		waiting.ExpiresAt, old.ExpiresAt = noon.Add(2*time.Hour), noon.Add(time.Hour)
		must(t, s.Outbox.EnqueueMessage(t.Context(), waiting))
		must(t, s.Outbox.EnqueueMessage(t.Context(), old))
		if n, err := s.Outbox.PurgeMessages(t.Context(), noon.Add(90*time.Minute), 10); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}},
	{"ADeletedUserLeavesOnlyTheCount", func(t *testing.T, s repository.Store) {
		u := enabled(t, s, "")
		m, counted := newMessage(u.ID), newMessage(u.ID)
		must(t, s.Outbox.EnqueueMessage(t.Context(), m))
		must(t, s.Outbox.EnqueueMessage(t.Context(), counted))
		_, err := s.Outbox.AdmitMessage(t.Context(), admission(counted, nil))
		must(t, err)
		_, err = s.Users.DeleteUser(t.Context(), callerOf(u), u.PasswordHash, newAudit(u.ID, repository.AuditUserDeleted))
		must(t, err)
		list, err := s.Outbox.ListMessages(t.Context(), repository.MessageQuery{Limit: 10})
		must(t, err)
		if len(list) != 1 || list[0].ID != counted.ID || list[0].State != repository.MessageDropped || list[0].UserID != "" || len(list[0].Sealed) > 0 {
			t.Errorf("in the outbox: %+v", list)
		}
		again := newMessage("")
		must(t, s.Outbox.EnqueueMessage(t.Context(), again))
		a := admission(again, nil)
		a.Max = 1
		if ok, err := s.Outbox.AdmitMessage(t.Context(), a); ok || err != nil {
			t.Errorf("the budget after a deletion: %v, %v", ok, err)
		}
	}},
}
