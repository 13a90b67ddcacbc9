package retention_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"latchkey/internal/apptest"
	"latchkey/internal/await"
	"latchkey/repository"
	"latchkey/service/audit"
	"latchkey/service/token"
)

// TestPurgeUntil_DeletesWhatExpiredAndNothingElse tests each kind of record that a caller of the
// stores can read.
func TestPurgeUntil_DeletesWhatExpiredAndNothingElse(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		w := apptest.NewWorld(t, store, apptest.Standard)
		id := w.User(t, "ada")
		logout := func() (sessionID string) {
			raw := w.Begin(t, "ada")
			_, err := w.Sessions.Logout(t.Context(), []token.Raw{raw}, "", audit.Origin{})
			apptest.Must(t, err)
			return apptest.Read(t, raw).SID
		}
		createCode := func(hash repository.CodeHash) error {
			return store.Codes.CreateCode(t.Context(), repository.Code{Hash: hash, ClientID: "shop", UserID: id, ExpiresAt: w.Now().Add(time.Minute)})
		}
		// Redis expires sessions in real time from CreatedAt, so this session has expired from the
		// start.
		over := repository.Session{
			ID: "0199aaaa-0000-7000-8000-000000000001", UserID: id, JTI: "over", CreatedAt: w.Now(), AbsoluteAt: w.Now().Add(-2 * time.Hour),
		}
		_, err := store.Sessions.CreateSession(t.Context(), over, repository.Limit{Sessions: 50})
		apptest.Must(t, err)
		logout()
		apptest.Must(t, createCode("old"))
		mail := func(address string) (messageID string) {
			m := w.Mail.Reset(address, "en", false)
			apptest.Must(t, store.Outbox.EnqueueMessage(t.Context(), m))
			apptest.Must(t, store.Outbox.EndMessage(t.Context(), m.ID, repository.MessageEnd{State: repository.MessageSent, At: w.Now(), DueAt: w.Now()}))
			return m.ID
		}
		mail("old@example.org")
		w.Pass(60 * apptest.Day)
		revoked, live := logout(), w.Begin(t, "ada")
		apptest.Must(t, createCode("new"))
		recentMail := mail("new@example.org")

		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			w.Retention.Run(ctx, apptest.Day)
		}()
		audits := func() int {
			list, err := store.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: id, Limit: 100})
			apptest.Must(t, err)
			return len(list)
		}
		const recent = 3 // two logins and a logout
		// A purge deletes the audit records last.
		await.Eventually(t, time.Minute, "only the audit records of this day remain", func() bool { return audits() == recent })
		stop()
		<-returned

		list, err := store.Revocations.ListRevoked(t.Context(), id)
		apptest.Must(t, err)
		if len(list) != 1 || list[0] != revoked {
			t.Errorf("revoked sessions %v remain, want %s", list, revoked)
		}
		if _, err := store.Sessions.FindSession(t.Context(), id, over.ID); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("find a session that is over: %v, want ErrNotFound", err)
		}
		if err := createCode("old"); err != nil {
			t.Errorf("the hash of a code that expired is still in use: %v", err)
		}
		if err := createCode("new"); !errors.Is(err, repository.ErrExists) {
			t.Errorf("create a code that is still there: %v, want ErrExists", err)
		}
		mails, err := store.Outbox.ListMessages(t.Context(), repository.MessageQuery{State: repository.MessageSent, Limit: 10})
		apptest.Must(t, err)
		if len(mails) != 1 || mails[0].ID != recentMail {
			t.Errorf("mails %v remain", mails)
		}
		if _, err := w.Refresh(live); err != nil {
			t.Errorf("refresh a live session: %v", err)
		}
	})
}
