package service_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"latchkey/repository"
	"latchkey/service"
)

// faulty is the real database with faults: a call fails before it does anything,
// as when the connection is gone.
type faulty struct {
	repository.Revocations
	failing bool
}

var errAway = fmt.Errorf("injected: %w", repository.ErrUnavailable)

func (f *faulty) RevokeSession(ctx context.Context, r repository.Revocation, by repository.Caller, a repository.AuditRecord) (bool, error) {
	if f.failing {
		return false, errAway
	}
	return f.Revocations.RevokeSession(ctx, r, by, a)
}

func (f *faulty) RecordLogin(ctx context.Context, login repository.AuditRecord, epoch int64, ended []repository.Ended) ([]string, error) {
	if f.failing {
		return nil, errAway
	}
	return f.Revocations.RecordLogin(ctx, login, epoch, ended)
}

// tombless is the real session store, whose tombstones fail.
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

// unheardReuse has a spent token presented while the database is away: the
// session store ends the session, and the database hears nothing, as yet. It
// returns the spent token and the live one.
func unheardReuse(t *testing.T, w *world, database *faulty) (spent, live service.RawToken) {
	t.Helper()
	spent = w.begin(t, "ada")
	w.pass(time.Minute)
	live = refreshed(t, w, spent)
	w.pass(time.Minute)
	live = refreshed(t, w, live)
	database.failing = true
	if _, err := w.refresh(spent); code(err) != service.CodeStoreUnavailable {
		t.Errorf("%v, want 503", err)
	}
	return spent, live
}

// TestTheGapBetweenTheTwoWrites fails each of the two writes that end a session,
// on both sets of stores, which have the same gap.
func TestTheGapBetweenTheTwoWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, store repository.Store) {
		database, sessions := &faulty{Revocations: store.Revocations}, &tombless{Sessions: store.Sessions}
		store.Revocations, store.Sessions = database, sessions
		w := newWorld(t, store, standard)
		w.user(t, "ada")

		t.Run("a reuse that the database does not hear of is told again", func(t *testing.T) {
			first, third := unheardReuse(t, w, database)
			if _, err := w.refresh(third); code(err) != service.CodeStoreUnavailable {
				t.Errorf("the live token while the database is away: %v, want 503", err)
			}
			database.failing = false
			if n := w.reuses(t, read(t, first)); n != 0 {
				t.Errorf("%d audit records of what the database never heard", n)
			}
			for range 3 {
				if _, err := w.refresh(third); code(err) != service.CodeSessionRevoked {
					t.Errorf("%v, want session_revoked", err)
				}
			}
			if n := w.reuses(t, read(t, first)); n != 1 {
				t.Errorf("%d audit records, want 1", n)
			}
			c := read(t, first)
			_, ended, err := store.Users.FindUserOfSession(t.Context(), c.Sub, c.SID)
			must(t, err)
			if ended == "" {
				t.Error("the database has not heard of it")
			}
		})

		t.Run("a reuse that a log-out overtakes is recorded all the same", func(t *testing.T) {
			first, third := unheardReuse(t, w, database)
			database.failing = false
			_, err := w.sessions.Logout(t.Context(), []service.RawToken{third}, "", service.Origin{})
			must(t, err)
			if _, err := w.refresh(third); code(err) != service.CodeSessionRevoked {
				t.Errorf("%v, want session_revoked", err)
			}
			if n := w.reuses(t, read(t, first)); n != 1 {
				t.Errorf("%d audit records, want 1", n)
			}
		})

		t.Run("a log-out holds without its tombstone", func(t *testing.T) {
			token := w.begin(t, "ada")
			sessions.failing = true
			_, err := w.sessions.Logout(t.Context(), []service.RawToken{token}, "", service.Origin{})
			sessions.failing = false
			must(t, err)
			if _, err := w.refresh(token); code(err) != service.CodeSessionRevoked {
				t.Errorf("%v, want session_revoked", err)
			}
			devices, err := w.sessions.Devices(t.Context(), read(t, token).Sub)
			must(t, err)
			for _, d := range devices {
				if d.ID == read(t, token).SID {
					t.Error("it is still in the list of devices")
				}
			}
		})

		t.Run("a log-out that the database does not hear of is no log-out", func(t *testing.T) {
			token := w.begin(t, "ada")
			database.failing = true
			_, err := w.sessions.Logout(t.Context(), []service.RawToken{token}, "", service.Origin{})
			database.failing = false
			if code(err) != service.CodeStoreUnavailable {
				t.Errorf("%v, want 503", err)
			}
			if _, err := w.refresh(token); err != nil {
				t.Errorf("the session has ended: %v", err)
			}
		})

		t.Run("the end of all others holds without its tombstones", func(t *testing.T) {
			mine, other := w.begin(t, "ada"), w.begin(t, "ada")
			sessions.failing = true
			c := read(t, mine)
			must(t, w.endOthers(c))
			sessions.failing = false
			if _, err := w.refresh(other); code(err) != service.CodeSessionRevoked {
				t.Errorf("another: %v, want session_revoked", err)
			}
			// Its access token is good for minutes, and must not bring it back.
			o := read(t, other)
			err := w.endOthers(o)
			if code(err) != service.CodeSessionRevoked {
				t.Errorf("an ended session ends the others: %v", err)
			}
			if _, err := w.refresh(mine); err != nil {
				t.Errorf("mine: %v", err)
			}
		})

		t.Run("ending the others twice at once is no log-out", func(t *testing.T) {
			mine := w.begin(t, "ada")
			c := read(t, mine)
			for _, err := range []error{
				w.endOthers(c),
				w.endOthers(c),
			} {
				must(t, err)
			}
			if _, err := w.refresh(mine); err != nil {
				t.Errorf("mine: %v", err)
			}
		})

		t.Run("the end of everything holds over a restore of the database", func(t *testing.T) {
			token := w.begin(t, "ada")
			_, err := w.sessions.EndAll(t.Context(), service.Origin{})
			must(t, err)
			if _, err := w.refresh(token); code(err) != service.CodeSessionRevoked {
				t.Errorf("%v, want session_revoked", err)
			}
			u, err := store.Users.FindUserByUsername(t.Context(), "ada")
			must(t, err)
			if u.SessionEpoch < w.clock().UnixMicro() {
				t.Errorf("epoch %d is one that a backup may have been followed by", u.SessionEpoch)
			}
		})

		t.Run("a log-in that the database does not hear of leaves the old session", func(t *testing.T) {
			old := w.begin(t, "ada")
			again := service.Credentials{Username: "ada", Password: service.NewPassword("correct horse"), Delivery: service.DeliveryBody, Replaces: old, Terms: service.Terms{ClientID: service.ClientAPI}}
			database.failing = true
			_, err := w.login.Login(t.Context(), again)
			database.failing = false
			if code(err) != service.CodeStoreUnavailable || !errors.Is(err, repository.ErrUnavailable) {
				t.Errorf("%v, want 503", err)
			}
			if _, err := w.refresh(old); err != nil {
				t.Errorf("the old session has ended: %v", err)
			}
			_, err = w.login.Login(t.Context(), again)
			must(t, err)
			if _, err := w.refresh(old); code(err) != service.CodeSessionRevoked {
				t.Errorf("the old session goes on: %v", err)
			}
		})
	})
}
