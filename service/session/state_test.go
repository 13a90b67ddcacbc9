package session_test

import (
	"testing"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/token"
)

// TestMintAccess_HasTheEpoch tests tokens of this version, and tokens of an earlier version, which
// are checked in the session store.
func TestMintAccess_HasTheEpoch(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		w := apptest.NewWorld(t, store, apptest.Standard)
		w.User(t, "ada")
		g := w.LogIn(t, "ada")
		who, err := w.Tokens.VerifyAccess(g.Access)
		apptest.Must(t, err)
		u, err := store.Users.FindUserByID(t.Context(), who.UserID)
		apptest.Must(t, err)
		if who.Epoch != u.SessionEpoch {
			t.Errorf("epoch %d, want %d", who.Epoch, u.SessionEpoch)
		}
		old := who
		old.Epoch = -1
		if old, err = w.Tokens.VerifyAccess(apptest.MintAccess(t, w.Tokens, old)); err != nil || old.Epoch != -1 {
			t.Fatalf("a token without the claim: %+v, %v", old, err)
		}
		for _, token := range []token.Subject{who, old} {
			if _, err := w.Sessions.State(t.Context(), token); err != nil {
				t.Errorf("epoch %d: %v", token.Epoch, err)
			}
		}
		apptest.Must(t, w.RevokeOthers(apptest.Read(t, w.Begin(t, "ada"))))
		for _, token := range []token.Subject{who, old} {
			if _, err := w.Sessions.State(t.Context(), token); apptest.Code(err) != service.CodeSessionRevoked {
				t.Errorf("ended, epoch %d: %v", token.Epoch, err)
			}
		}
	})
}

// TestState_OutdatedPrivilegeMustBeRefreshed tests a privilege that was reduced after the token was
// issued.
func TestState_OutdatedPrivilegeMustBeRefreshed(t *testing.T) {
	w := apptest.NewWorld(t, testserver.SQLiteStore(t), apptest.Standard)
	w.User(t, "ada")
	who, err := w.Tokens.VerifyAccess(w.LogIn(t, "ada").Access)
	apptest.Must(t, err)
	who.Privilege = 2
	if _, err := w.Sessions.State(t.Context(), who); apptest.Code(err) != service.CodeTokenExpired {
		t.Errorf("%v", err)
	}
}

// TestOAuth_TokensOfADeletedClientAreRefused tests tokens that an OAuth client got for a user.
func TestOAuth_TokensOfADeletedClientAreRefused(t *testing.T) {
	w := apptest.NewWorld(t, testserver.SQLiteStore(t), apptest.Standard)
	w.User(t, "ada")
	who, err := w.Tokens.VerifyAccess(w.LogIn(t, "ada").Access)
	apptest.Must(t, err)
	who.ClientID = "shop"
	if _, err := w.Sessions.State(t.Context(), who); apptest.Code(err) != service.CodeSessionRevoked {
		t.Errorf("%v", err)
	}
}
