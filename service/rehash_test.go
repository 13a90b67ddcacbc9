package service_test

import (
	"testing"
	"time"

	"latchkey/repository"
	"latchkey/service"
)

func TestALoginHashesAnewWhereTheCostHasChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, store repository.Store) {
		w := newWorld(t, store, standard)
		id := w.user(t, "ada")
		before, err := store.Users.FindUserByID(t.Context(), id)
		must(t, err)
		session := w.begin(t, "ada")
		hasher := service.NewHasher(5, 4, time.Minute)
		t.Cleanup(hasher.Close)
		costlier := service.NewLogin(store, hasher, w.throttle, w.sessions, false, w.trusted, w.audit, discard())
		credentials := service.Credentials{
			Username: "ada", Password: service.NewPassword("correct horse"), Delivery: service.DeliveryBody, Terms: service.Terms{ClientID: service.ClientAPI},
		}
		for range 2 {
			_, err := costlier.Login(t.Context(), credentials)
			must(t, err)
		}
		after, err := store.Users.FindUserByID(t.Context(), id)
		must(t, err)
		if after.PasswordHash == before.PasswordHash || hasher.Outdated(after.PasswordHash) || after.SessionEpoch != before.SessionEpoch {
			t.Errorf("%s, was %s", after.PasswordHash, before.PasswordHash)
		}
		if _, err := w.refresh(session); err != nil {
			t.Errorf("another session: %v", err)
		}
		wrong := credentials
		wrong.Password = service.NewPassword("wrong horse")
		if _, err := w.login.Login(t.Context(), wrong); code(err) != service.CodeInvalidCredentials {
			t.Errorf("a wrong password: %v", err)
		}
		if same, err := store.Users.FindUserByID(t.Context(), id); err != nil || same.PasswordHash != after.PasswordHash {
			t.Error("a wrong password was hashed")
		}
	})
}
