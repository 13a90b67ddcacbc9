package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"latchkey/internal/apptest"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/login"
	"latchkey/service/password"
	"latchkey/service/session"
	"latchkey/service/token"
)

// faulty is the real database with faults: a call fails before it has an effect, as if the
// connection was lost.
type faulty struct {
	repository.Revocations
	failing bool
}

var errAway = fmt.Errorf("injected: %w", repository.ErrUnavailable)

func (f *faulty) RevokeSession(ctx context.Context, r repository.Revocation, by repository.Caller, a repository.AuditRecord, mail ...repository.Message) (bool, error) {
	if f.failing {
		return false, errAway
	}
	return f.Revocations.RevokeSession(ctx, r, by, a, mail...)
}

func (f *faulty) RecordLogin(ctx context.Context, login repository.AuditRecord, epoch int64, ended []repository.Ended, mail ...repository.Message) ([]string, error) {
	if f.failing {
		return nil, errAway
	}
	return f.Revocations.RecordLogin(ctx, login, epoch, ended, mail...)
}

// tombless is the real session store with failing writes of tombstones.
type tombless struct {
	repository.Sessions
	failing bool
}

func (f *tombless) EndSession(ctx context.Context, e repository.Ending) (repository.EndReason, error) {
	if f.failing {
		return "", errAway
	}
	return f.Sessions.EndSession(ctx, e)
}

func (f *tombless) EndOtherSessions(ctx context.Context, e repository.Ending) error {
	if f.failing {
		return errAway
	}
	return f.Sessions.EndOtherSessions(ctx, e)
}

// unheardReuse replays a superseded token while the database is unavailable: the session store ends
// the session, but the database has not recorded it yet. It returns the superseded token and the
// live one.
func unheardReuse(t *testing.T, w *apptest.World, database *faulty) (spent, live token.Raw) {
	t.Helper()
	spent = w.Begin(t, "ada")
	w.Pass(time.Minute)
	live = refreshed(t, w, spent)
	w.Pass(time.Minute)
	live = refreshed(t, w, live)
	database.failing = true
	if _, err := w.Refresh(spent); apptest.Code(err) != service.CodeStoreUnavailable {
		t.Errorf("%v, want 503", err)
	}
	return spent, live
}

// TestLogout_FailureBetweenTheTwoWrites fails each of the two writes that end a session. Both sets
// of stores have the same gap between the writes.
func TestLogout_FailureBetweenTheTwoWrites(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		database, sessions := &faulty{Revocations: store.Revocations}, &tombless{Sessions: store.Sessions}
		store.Revocations, store.Sessions = database, sessions
		w := apptest.NewWorld(t, store, apptest.Standard)
		w.User(t, "ada")

		t.Run("a reuse that was not stored is stored at the next refresh", func(t *testing.T) {
			first, third := unheardReuse(t, w, database)
			if _, err := w.Refresh(third); apptest.Code(err) != service.CodeStoreUnavailable {
				t.Errorf("the live token while the database is away: %v, want 503", err)
			}
			database.failing = false
			if n := w.Reuses(t, apptest.Read(t, first)); n != 0 {
				t.Errorf("%d audit records of what the database never heard", n)
			}
			for range 3 {
				if _, err := w.Refresh(third); apptest.Code(err) != service.CodeSessionRevoked {
					t.Errorf("%v, want session_revoked", err)
				}
			}
			if n := w.Reuses(t, apptest.Read(t, first)); n != 1 {
				t.Errorf("%d audit records, want 1", n)
			}
			c := apptest.Read(t, first)
			_, ended, err := store.Users.FindUserOfSession(t.Context(), c.Sub, c.SID)
			apptest.Must(t, err)
			if ended == "" {
				t.Error("the database has not heard of it")
			}
		})

		t.Run("a logout records a reuse that was not stored", func(t *testing.T) {
			first, third := unheardReuse(t, w, database)
			database.failing = false
			_, err := w.Sessions.Logout(t.Context(), []token.Raw{third}, "", audit.Origin{})
			apptest.Must(t, err)
			if _, err := w.Refresh(third); apptest.Code(err) != service.CodeSessionRevoked {
				t.Errorf("%v, want session_revoked", err)
			}
			if n := w.Reuses(t, apptest.Read(t, first)); n != 1 {
				t.Errorf("%d audit records, want 1", n)
			}
		})

		t.Run("a logout is effective without its tombstone", func(t *testing.T) {
			raw := w.Begin(t, "ada")
			sessions.failing = true
			_, err := w.Sessions.Logout(t.Context(), []token.Raw{raw}, "", audit.Origin{})
			sessions.failing = false
			apptest.Must(t, err)
			if _, err := w.Refresh(raw); apptest.Code(err) != service.CodeSessionRevoked {
				t.Errorf("%v, want session_revoked", err)
			}
			devices, err := w.Sessions.List(t.Context(), apptest.Read(t, raw).Sub)
			apptest.Must(t, err)
			for _, d := range devices {
				if d.ID == apptest.Read(t, raw).SID {
					t.Error("it is still in the list of devices")
				}
			}
		})

		t.Run("a logout fails if the database does not store it", func(t *testing.T) {
			raw := w.Begin(t, "ada")
			database.failing = true
			_, err := w.Sessions.Logout(t.Context(), []token.Raw{raw}, "", audit.Origin{})
			database.failing = false
			if apptest.Code(err) != service.CodeStoreUnavailable {
				t.Errorf("%v, want 503", err)
			}
			if _, err := w.Refresh(raw); err != nil {
				t.Errorf("the session has ended: %v", err)
			}
		})

		t.Run("RevokeOthers is effective without its tombstones", func(t *testing.T) {
			mine, other := w.Begin(t, "ada"), w.Begin(t, "ada")
			sessions.failing = true
			c := apptest.Read(t, mine)
			apptest.Must(t, w.RevokeOthers(c))
			sessions.failing = false
			if _, err := w.Refresh(other); apptest.Code(err) != service.CodeSessionRevoked {
				t.Errorf("another: %v, want session_revoked", err)
			}
			// Its access token is valid for minutes, and must not restore the session.
			o := apptest.Read(t, other)
			err := w.RevokeOthers(o)
			if apptest.Code(err) != service.CodeSessionRevoked {
				t.Errorf("an ended session ends the others: %v", err)
			}
			if _, err := w.Refresh(mine); err != nil {
				t.Errorf("mine: %v", err)
			}
		})

		t.Run("a repeated RevokeOthers keeps the current session", func(t *testing.T) {
			mine := w.Begin(t, "ada")
			c := apptest.Read(t, mine)
			for _, err := range []error{
				w.RevokeOthers(c),
				w.RevokeOthers(c),
			} {
				apptest.Must(t, err)
			}
			if _, err := w.Refresh(mine); err != nil {
				t.Errorf("mine: %v", err)
			}
		})

		t.Run("RevokeEveryone stays effective after a restore of the database", func(t *testing.T) {
			token := w.Begin(t, "ada")
			_, err := w.Sessions.RevokeEveryone(t.Context(), audit.Origin{})
			apptest.Must(t, err)
			if _, err := w.Refresh(token); apptest.Code(err) != service.CodeSessionRevoked {
				t.Errorf("%v, want session_revoked", err)
			}
			u, err := store.Users.FindUserByUsername(t.Context(), "ada")
			apptest.Must(t, err)
			if u.SessionEpoch < w.Now().UnixMicro() {
				t.Errorf("epoch %d is one that a backup may have been followed by", u.SessionEpoch)
			}
		})

		t.Run("a login that the database does not store keeps the old session", func(t *testing.T) {
			old := w.Begin(t, "ada")
			again := login.Credentials{Username: "ada", Password: password.New("correct horse"), Delivery: session.DeliveryBody, Replaces: old, Client: session.ClientPolicy{ClientID: token.ClientAPI}}
			database.failing = true
			_, err := w.Login.Login(t.Context(), again)
			database.failing = false
			if apptest.Code(err) != service.CodeStoreUnavailable || !errors.Is(err, repository.ErrUnavailable) {
				t.Errorf("%v, want 503", err)
			}
			if _, err := w.Refresh(old); err != nil {
				t.Errorf("the old session has ended: %v", err)
			}
			_, err = w.Login.Login(t.Context(), again)
			apptest.Must(t, err)
			if _, err := w.Refresh(old); apptest.Code(err) != service.CodeSessionRevoked {
				t.Errorf("the old session goes on: %v", err)
			}
		})
	})
}
