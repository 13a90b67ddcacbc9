package storetest

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"latchkey/repository"
)

type promise struct {
	name  string
	check func(t *testing.T, s repository.Store)
}

// noon is the time of the suite: no store reads its own clock.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func newTokenID() repository.TokenID { return repository.TokenID(rand.Text()[:22]) }

// newUser returns a user with every field set. The names end in tag.
func newUser(tag string) repository.User {
	return repository.User{
		ID: newID(), Username: "Ada" + tag, UsernameKey: "ada" + tag, Email: "Ada" + tag + "@Example.org",
		EmailKey: "ada" + tag + "@example.org", PasswordHash: "$2a$10$abcdefghijklmnopqrstuu", Privilege: 1,
		Disabled: true, SessionEpoch: 7, ExceptSession: newID(), CreatedAt: noon, UpdatedAt: noon.Add(time.Minute),
		Locale: "ja", EmailVerifiedAt: noon.Add(time.Second), CredentialVersion: 3, ResetLinkIssuedAt: noon.Add(2 * time.Second),
		DisabledReason: "spam",
	}
}

// newAudit returns a record with every field set.
func newAudit(userID string, event repository.AuditEvent) repository.AuditRecord {
	return repository.AuditRecord{
		ID: newID(), At: noon, Event: event, Outcome: "ok", UserID: userID, ActorID: newID(), SessionID: newID(),
		ClientID: "latchkey", RequestID: "req-1", Address: "192.0.2.1", Agent: "Firefox", KeyID: "kid-1",
	}
}

// together makes n concurrent calls of f and returns the errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			errs[i] = f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return errs
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tag(i int) string { return fmt.Sprintf("-%d", i) }
