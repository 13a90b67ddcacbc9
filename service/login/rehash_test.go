package login_test

import (
	"testing"
	"time"

	"latchkey/internal/apptest"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/login"
	"latchkey/service/password"
	"latchkey/service/session"
	"latchkey/service/token"
)

func TestLogin_RehashesWhenTheCostHasChanged(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		w := apptest.NewWorld(t, store, apptest.Standard)
		id := w.User(t, "ada")
		before, err := store.Users.FindUserByID(t.Context(), id)
		apptest.Must(t, err)
		found := w.Begin(t, "ada")
		hasher := password.NewHasher(5, 4, time.Minute)
		t.Cleanup(hasher.Close)
		costlier := login.New(store, hasher, w.Throttle, w.Sessions, login.Rules{}, w.Mail, w.Trusted, w.Audit, apptest.Discard())
		credentials := login.Credentials{
			Username: "ada", Password: password.New("correct horse"), Delivery: session.DeliveryBody, Client: session.ClientPolicy{ClientID: token.ClientAPI},
		}
		for range 2 {
			_, err := costlier.Login(t.Context(), credentials)
			apptest.Must(t, err)
		}
		after, err := store.Users.FindUserByID(t.Context(), id)
		apptest.Must(t, err)
		if after.PasswordHash == before.PasswordHash || hasher.Outdated(after.PasswordHash) || after.SessionEpoch != before.SessionEpoch {
			t.Errorf("%s, was %s", after.PasswordHash, before.PasswordHash)
		}
		if _, err := w.Refresh(found); err != nil {
			t.Errorf("another session: %v", err)
		}
		wrong := credentials
		wrong.Password = password.New("wrong horse")
		if _, err := w.Login.Login(t.Context(), wrong); apptest.Code(err) != service.CodeInvalidCredentials {
			t.Errorf("a wrong password: %v", err)
		}
		if same, err := store.Users.FindUserByID(t.Context(), id); err != nil || same.PasswordHash != after.PasswordHash {
			t.Error("a wrong password was hashed")
		}
	})
}
