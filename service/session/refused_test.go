package session_test

import (
	"context"
	"testing"
	"time"

	"latchkey/internal/apptest"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/session"
	"latchkey/service/token"
)

// TestRefresh_RefusalsAreAuditedOnceAMinute sends a token many times with a wrong user ID, and for
// another client.
func TestRefresh_RefusalsAreAuditedOnceAMinute(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		w := apptest.NewWorld(t, store, apptest.Standard)
		id := w.User(t, "ada")
		raw := w.Begin(t, "ada")
		for range 3 {
			for range 40 {
				for _, p := range []session.RefreshRequest{
					{Token: raw, Delivery: session.DeliveryBody, Client: session.ClientPolicy{ClientID: token.ClientAPI}, UserID: "somebody"},
					{Token: raw, Delivery: session.DeliveryBody, Client: session.ClientPolicy{ClientID: "another"}},
				} {
					if _, err := w.Sessions.Refresh(context.Background(), p); apptest.Code(err) != service.CodeRefreshInvalid {
						t.Fatalf("%v", err)
					}
				}
			}
			w.Pass(time.Minute)
		}
		list, err := store.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: id, Event: repository.AuditRefreshRefused, Limit: 1000})
		apptest.Must(t, err)
		if len(list) != 6 {
			t.Errorf("%d records of 2 reasons in 3 minutes, want 6", len(list))
		}
	})
}
