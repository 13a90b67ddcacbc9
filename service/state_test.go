package service_test

import (
	"testing"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service"
)

// TestAnAccessTokenSaysTheEpoch is of tokens of this version, and of one before it,
// which are checked in the session store.
func TestAnAccessTokenSaysTheEpoch(t *testing.T) {
	onBoth(t, func(t *testing.T, store repository.Store) {
		w := newWorld(t, store, standard)
		w.user(t, "ada")
		g := w.grant(t, "ada")
		who, err := w.tokens.VerifyAccess(g.Access)
		must(t, err)
		u, err := store.Users.FindUserByID(t.Context(), who.UserID)
		must(t, err)
		if who.Epoch != u.SessionEpoch {
			t.Errorf("epoch %d, want %d", who.Epoch, u.SessionEpoch)
		}
		old := who
		old.Epoch = -1
		if old, err = w.tokens.VerifyAccess(mintAccess(t, w.tokens, old)); err != nil || old.Epoch != -1 {
			t.Fatalf("a token without the claim: %+v, %v", old, err)
		}
		for _, token := range []service.Subject{who, old} {
			if _, err := w.sessions.State(t.Context(), token); err != nil {
				t.Errorf("epoch %d: %v", token.Epoch, err)
			}
		}
		must(t, w.endOthers(read(t, w.begin(t, "ada"))))
		for _, token := range []service.Subject{who, old} {
			if _, err := w.sessions.State(t.Context(), token); code(err) != service.CodeSessionRevoked {
				t.Errorf("ended, epoch %d: %v", token.Epoch, err)
			}
		}
	})
}

// TestATokenThatSaysMoreThanIsTrueMustBeRefreshed is of a privilege that was taken
// away after the token was issued.
func TestATokenThatSaysMoreThanIsTrueMustBeRefreshed(t *testing.T) {
	w := newWorld(t, testserver.SQLiteStore(t), standard)
	w.user(t, "ada")
	who, err := w.tokens.VerifyAccess(w.grant(t, "ada").Access)
	must(t, err)
	who.Privilege = 2
	if _, err := w.sessions.State(t.Context(), who); code(err) != service.CodeTokenExpired {
		t.Errorf("%v", err)
	}
}

// TestATokenOfAClientThatIsGoneIsWorthNothing is of tokens that an OAuth client got
// for a user.
func TestATokenOfAClientThatIsGoneIsWorthNothing(t *testing.T) {
	w := newWorld(t, testserver.SQLiteStore(t), standard)
	w.user(t, "ada")
	who, err := w.tokens.VerifyAccess(w.grant(t, "ada").Access)
	must(t, err)
	who.ClientID = "shop"
	if _, err := w.sessions.State(t.Context(), who); code(err) != service.CodeSessionRevoked {
		t.Errorf("%v", err)
	}
}
