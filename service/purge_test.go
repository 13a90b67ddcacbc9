package service_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"latchkey/repository"
	"latchkey/service"
)

// TestPurgeUntil_DeletesWhatExpiredAndNothingElse looks at each kind of record that a
// caller of the stores can see.
func TestPurgeUntil_DeletesWhatExpiredAndNothingElse(t *testing.T) {
	onBoth(t, func(t *testing.T, store repository.Store) {
		w := newWorld(t, store, standard)
		id := w.user(t, "ada")
		logout := func() (sessionID string) {
			token := w.begin(t, "ada")
			_, err := w.sessions.Logout(t.Context(), []service.RawToken{token}, "", service.Origin{})
			must(t, err)
			return read(t, token).SID
		}
		createCode := func(hash repository.CodeHash) error {
			return store.Codes.CreateCode(t.Context(), repository.Code{Hash: hash, ClientID: "shop", UserID: id, ExpiresAt: w.clock().Add(time.Minute)})
		}
		// Redis counts from CreatedAt in real time, so this session is over from the start.
		over := repository.Session{
			ID: "0199aaaa-0000-7000-8000-000000000001", UserID: id, JTI: "over", CreatedAt: w.clock(), AbsoluteAt: w.clock().Add(-2 * time.Hour),
		}
		_, err := store.Sessions.CreateSession(t.Context(), over, repository.Limit{Sessions: 50})
		must(t, err)
		logout()
		must(t, createCode("old"))
		w.pass(60 * day)
		revoked, live := logout(), w.begin(t, "ada")
		must(t, createCode("new"))

		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			w.retention.Run(ctx, day)
		}()
		audits := func() int {
			list, err := store.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: id, Limit: 100})
			must(t, err)
			return len(list)
		}
		const recent = 3 // two logins and a logout
		// The audit records are the last step of a purge.
		for deadline := time.Now().Add(20 * time.Second); audits() != recent; {
			if time.Now().After(deadline) {
				t.Fatalf("%d audit records remain, want the %d of this day", audits(), recent)
			}
			time.Sleep(10 * time.Millisecond)
		}
		stop()
		<-returned

		list, err := store.Revocations.ListRevoked(t.Context(), id)
		must(t, err)
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
		if _, err := w.refresh(live); err != nil {
			t.Errorf("refresh a live session: %v", err)
		}
	})
}
