package service_test

import (
	"context"
	"testing"
	"time"

	"latchkey/repository"
	"latchkey/service"
)

// TestARefusedRefreshIsOneRecordAMinute has somebody with a token send it with a wrong
// id, and for another client, as often as they like.
func TestARefusedRefreshIsOneRecordAMinute(t *testing.T) {
	onBoth(t, func(t *testing.T, store repository.Store) {
		w := newWorld(t, store, standard)
		id := w.user(t, "ada")
		token := w.begin(t, "ada")
		for range 3 {
			for range 40 {
				for _, p := range []service.Presentation{
					{Token: token, Delivery: service.DeliveryBody, Terms: service.Terms{ClientID: service.ClientAPI}, UserID: "somebody"},
					{Token: token, Delivery: service.DeliveryBody, Terms: service.Terms{ClientID: "another"}},
				} {
					if _, err := w.sessions.Refresh(context.Background(), p); code(err) != service.CodeRefreshInvalid {
						t.Fatalf("%v", err)
					}
				}
			}
			w.pass(time.Minute)
		}
		list, err := store.Audits.ListAudit(t.Context(), repository.AuditQuery{UserID: id, Event: repository.AuditRefreshRefused, Limit: 1000})
		must(t, err)
		if len(list) != 6 {
			t.Errorf("%d records of 2 reasons in 3 minutes, want 6", len(list))
		}
	})
}
