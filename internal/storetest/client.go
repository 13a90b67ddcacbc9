package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

// newClient returns a client with every field set.
func newClient(id string) repository.Client {
	return repository.Client{
		ID: id, Name: "Shop of Ada", FirstParty: true, PKCEOptional: true, Managed: true, Disabled: true, Grants: []string{"authorization_code", "refresh_token"},
		Scopes: []string{"orders:read", "orders:write"}, RedirectURIs: []string{"https://shop.example/cb", "com.example.shop:/cb"},
		Audiences: []string{"https://orders.example", "latchkey"},
		Secret:    "aa", PreviousSecret: "bb", PreviousUntil: noon.Add(time.Hour),
		AccessTTL: time.Minute, IdleTTL: time.Hour, AbsoluteTTL: 24 * time.Hour, CreatedAt: noon, UpdatedAt: noon.Add(time.Second),
	}
}

func createClient(t *testing.T, s repository.Store, c repository.Client) {
	t.Helper()
	must(t, s.Clients.CreateClient(t.Context(), c, repository.Caller{}, newAudit("", repository.AuditClientCreated)))
}

// addUser adds a user with a privilege and returns the ID.
func addUser(t *testing.T, s repository.Store, tag string, privilege int, disabled bool) string {
	t.Helper()
	u := newUser(tag)
	u.Privilege, u.Disabled = privilege, disabled
	must(t, s.Users.CreateUser(t.Context(), u, repository.Caller{}, newAudit(u.ID, repository.AuditUserCreated)))
	return u.ID
}

var clients = []promise{
	{"RoundTripKeepsEveryField", func(t *testing.T, s repository.Store) {
		want := newClient("shop")
		createClient(t, s, want)
		bare := repository.Client{ID: "bare", Public: true, Grants: []string{}, Scopes: []string{}, RedirectURIs: []string{}, Audiences: []string{}, CreatedAt: noon, UpdatedAt: noon}
		createClient(t, s, bare)
		for _, want := range []repository.Client{want, bare} {
			got, err := s.Clients.FindClient(t.Context(), want.ID)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}},
	{"ListedInPages", func(t *testing.T, s repository.Store) {
		for _, id := range []string{"b", "Z", "c", "_a", "a"} {
			createClient(t, s, newClient(id))
		}
		var got []string
		for after := ""; ; {
			page, err := s.Clients.ListClients(t.Context(), after, 2)
			must(t, err)
			for _, c := range page {
				got = append(got, c.ID)
				after = c.ID
			}
			if len(page) < 2 {
				break
			}
		}
		if diff := cmp.Diff([]string{"Z", "_a", "a", "b", "c"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}},
	{"AnIDIsTakenForEver", func(t *testing.T, s repository.Store) {
		createClient(t, s, newClient("shop"))
		again := func() error {
			return s.Clients.CreateClient(t.Context(), newClient("shop"), repository.Caller{}, newAudit("", repository.AuditClientCreated))
		}
		if err := again(); !errors.Is(err, repository.ErrExists) {
			t.Errorf("twice: %v", err)
		}
		must(t, s.Clients.DeleteClient(t.Context(), "shop", noon, repository.Caller{}, newAudit("", repository.AuditClientDeleted)))
		if err := again(); !errors.Is(err, repository.ErrExists) {
			t.Errorf("after its end: %v", err)
		}
		if list, err := s.Clients.ListClients(t.Context(), "", 10); err != nil || len(list) != 0 {
			t.Errorf("listed: %v %v", list, err)
		}
	}},
	{"WhatIsGoneIsNotFound", func(t *testing.T, s repository.Store) {
		createClient(t, s, newClient("shop"))
		must(t, s.Clients.DeleteClient(t.Context(), "shop", noon, repository.Caller{}, newAudit("", repository.AuditClientDeleted)))
		public := newClient("spa")
		public.Public, public.Secret = true, ""
		createClient(t, s, public)
		for _, id := range []string{"shop", "nobody"} {
			_, err := s.Clients.FindClient(t.Context(), id)
			c := newClient(id)
			for name, err := range map[string]error{
				"find":   err,
				"update": s.Clients.UpdateClient(t.Context(), c, c.UpdatedAt, repository.Caller{}, newAudit("", repository.AuditClientChanged)),
				"rotate": s.Clients.RotateClientSecret(t.Context(), id, "cc", noon, noon, repository.Caller{}, newAudit("", repository.AuditClientSecret)),
				"delete": s.Clients.DeleteClient(t.Context(), id, noon, repository.Caller{}, newAudit("", repository.AuditClientDeleted)),
			} {
				if !errors.Is(err, repository.ErrNotFound) {
					t.Errorf("%s %s: %v", name, id, err)
				}
			}
		}
		if err := s.Clients.RotateClientSecret(t.Context(), "spa", "cc", noon, noon, repository.Caller{}, newAudit("", repository.AuditClientSecret)); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("a secret for a public client: %v", err)
		}
	}},
	{"OneOfManyUpdates", func(t *testing.T, s repository.Store) {
		c := newClient("shop")
		createClient(t, s, c)
		won := 0
		for i, err := range together(8, func(i int) error {
			mine := c
			mine.Name, mine.UpdatedAt = tag(i), c.UpdatedAt.Add(time.Duration(i+1)*time.Second)
			return s.Clients.UpdateClient(t.Context(), mine, c.UpdatedAt, repository.Caller{}, newAudit("", repository.AuditClientChanged))
		}) {
			switch {
			case err == nil:
				won++
				got, err := s.Clients.FindClient(t.Context(), "shop")
				must(t, err)
				if got.Name != tag(i) || got.Secret != c.Secret {
					t.Errorf("%+v", got)
				}
			case !errors.Is(err, repository.ErrNotFound):
				t.Errorf("a loser got %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d won", won)
		}
	}},
	{"ANewSecretKeepsTheOldOneForAWhile", func(t *testing.T, s repository.Store) {
		createClient(t, s, newClient("shop"))
		must(t, s.Clients.RotateClientSecret(t.Context(), "shop", "cc", noon.Add(time.Hour), noon.Add(time.Minute), repository.Caller{}, newAudit("", repository.AuditClientSecret)))
		got, err := s.Clients.FindClient(t.Context(), "shop")
		must(t, err)
		if got.Secret != "cc" || got.PreviousSecret != "aa" || !got.PreviousUntil.Equal(noon.Add(time.Hour)) || !got.UpdatedAt.Equal(noon.Add(time.Minute)) {
			t.Errorf("%+v", got)
		}
		err = s.Clients.RotateClientSecret(t.Context(), "shop", "cc", noon, noon.Add(2*time.Minute), repository.Caller{}, newAudit("", repository.AuditClientSecret))
		again, found := s.Clients.FindClient(t.Context(), "shop")
		must(t, found)
		if diff := cmp.Diff(got, again); !errors.Is(err, repository.ErrNotFound) || diff != "" {
			t.Errorf("the same secret once more: %v (-want +got):\n%s", err, diff)
		}
		must(t, s.Clients.RotateClientSecret(t.Context(), "shop", "dd", noon, noon, repository.Caller{}, newAudit("", repository.AuditClientSecret)))
		if later, err := s.Clients.FindClient(t.Context(), "shop"); err != nil || !later.UpdatedAt.After(got.UpdatedAt) {
			t.Errorf("a rotation by an earlier clock: updated at %v, %v; before %v", later.UpdatedAt, err, got.UpdatedAt)
		}
	}},
}

func newCode(hash repository.CodeHash) repository.Code {
	return repository.Code{
		Hash: hash, ClientID: "shop", UserID: newID(), Epoch: 3, RedirectURI: "https://shop.example/cb", Challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		Scope: "a b", Audience: "https://orders.example", AMR: "pwd", Address: "192.0.2.1", Agent: "Firefox", AuthTime: noon, ExpiresAt: noon.Add(time.Minute),
	}
}

var codes = []promise{
	{"TakenOnceByOneOfMany", func(t *testing.T, s repository.Store) {
		want := newCode("h")
		must(t, s.Codes.CreateCode(t.Context(), want))
		sessions, winner := make([]string, 8), make(chan string, 8)
		later := make(chan string, 8)
		for _, err := range together(len(sessions), func(i int) error {
			id := newID()
			got, usedFor, err := s.Codes.TakeCode(t.Context(), "h", "shop", id, noon.Add(time.Minute-time.Microsecond))
			if diff := cmp.Diff(want, got); err == nil && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if usedFor == "" {
				winner <- id
			} else {
				later <- usedFor
			}
			return err
		}) {
			must(t, err)
		}
		close(winner)
		close(later)
		first := <-winner
		if _, more := <-winner; more || first == "" {
			t.Error("not one winner")
		}
		for id := range later {
			if id != first {
				t.Errorf("a loser is told of session %s, not %s", id, first)
			}
		}
	}},
	{"AtExpiryItIsGone", func(t *testing.T, s repository.Store) {
		must(t, s.Codes.CreateCode(t.Context(), newCode("h")))
		if _, _, err := s.Codes.TakeCode(t.Context(), "h", "shop", newID(), noon.Add(time.Minute)); !errors.Is(err, repository.ErrNotFound) {
			t.Errorf("%v", err)
		}
	}},
	{"AUsedOneIsKnownAfterItsExpiry", func(t *testing.T, s repository.Store) {
		must(t, s.Codes.CreateCode(t.Context(), newCode("h")))
		id := newID()
		_, _, err := s.Codes.TakeCode(t.Context(), "h", "shop", id, noon)
		must(t, err)
		if _, usedFor, err := s.Codes.TakeCode(t.Context(), "h", "shop", newID(), noon.Add(time.Hour)); err != nil || usedFor != id {
			t.Errorf("%q %v", usedFor, err)
		}
	}},
	{"AnotherClientDoesNotTakeIt", func(t *testing.T, s repository.Store) {
		must(t, s.Codes.CreateCode(t.Context(), newCode("h")))
		for _, c := range [][2]string{{"h", "thief"}, {"nothing", "shop"}} {
			if _, _, err := s.Codes.TakeCode(t.Context(), repository.CodeHash(c[0]), c[1], newID(), noon); !errors.Is(err, repository.ErrNotFound) {
				t.Errorf("%v: %v", c, err)
			}
		}
		if _, usedFor, err := s.Codes.TakeCode(t.Context(), "h", "shop", newID(), noon); err != nil || usedFor != "" {
			t.Errorf("its own: %q %v", usedFor, err)
		}
	}},
	{"GivenBackByWhoTookIt", func(t *testing.T, s repository.Store) {
		must(t, s.Codes.CreateCode(t.Context(), newCode("h")))
		id := newID()
		_, _, err := s.Codes.TakeCode(t.Context(), "h", "shop", id, noon)
		must(t, err)
		must(t, s.Codes.ReturnCode(t.Context(), "h", newID()))
		if _, usedFor, err := s.Codes.TakeCode(t.Context(), "h", "shop", newID(), noon); err != nil || usedFor != id {
			t.Errorf("given back by another: %q %v", usedFor, err)
		}
		must(t, s.Codes.ReturnCode(t.Context(), "h", id))
		if _, usedFor, err := s.Codes.TakeCode(t.Context(), "h", "shop", newID(), noon); err != nil || usedFor != "" {
			t.Errorf("not given back: %q %v", usedFor, err)
		}
	}},
	{"AHashIsTaken", func(t *testing.T, s repository.Store) {
		must(t, s.Codes.CreateCode(t.Context(), newCode("h")))
		if err := s.Codes.CreateCode(t.Context(), newCode("h")); !errors.Is(err, repository.ErrExists) {
			t.Errorf("%v", err)
		}
	}},
	{"PurgedInBatches", func(t *testing.T, s repository.Store) {
		for _, h := range []repository.CodeHash{"a", "b", "c"} {
			must(t, s.Codes.CreateCode(t.Context(), newCode(h)))
		}
		for i, want := range []int{2, 1, 0} {
			if n, err := s.Codes.PurgeCodes(t.Context(), noon.Add(time.Hour), 2); err != nil || n != want {
				t.Errorf("batch %d: %d %v", i, n, err)
			}
		}
		must(t, s.Codes.CreateCode(t.Context(), newCode("d")))
		if n, err := s.Codes.PurgeCodes(t.Context(), noon.Add(time.Minute), 2); err != nil || n != 0 {
			t.Errorf("at its expiry: %d %v", n, err)
		}
	}},
}
