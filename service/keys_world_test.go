package service_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service"
)

// Secret is the root secret of a world.
const secret = "a root secret for tests, 32 bytes or more"

// Noon is the time at which a world begins.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Day is the unit in which sessions last.
const day = 24 * time.Hour

// Discard returns a log that keeps nothing.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// NoonClock stands still.
func noonClock() time.Time { return noon }

// ForgeableKey returns the HS256 key of the access tokens of a world, so that tests can forge
// them.
func forgeableKey(t testing.TB) (k service.Key, material []byte) {
	t.Helper()
	digest := sha256.Sum256([]byte(secret))
	k, err := service.ParseKey(fmt.Appendf(nil, `{"kty":"oct","kid":"forgeable","k":%q}`, base64.RawURLEncoding.EncodeToString(digest[:])))
	must(t, err)
	return k, digest[:]
}

// GenerateKey returns a new key of an algorithm.
func generateKey(t testing.TB, a service.Algorithm) service.Key {
	t.Helper()
	k, err := service.GenerateKey(a)
	must(t, err)
	return k
}

// NewRoot returns the root secret of a world.
func newRoot(t testing.TB) service.RootSecret {
	t.Helper()
	root, err := service.NewRootSecret([]byte(secret))
	must(t, err)
	return root
}

// NewRing returns the keys of a service, whose access tokens are signed by a given key. The other keys are
// in the store.
func newRing(t testing.TB, store repository.Store, access service.Key, clock *service.Clock) *service.Keyring {
	t.Helper()
	private, err := access.PrivateJWK()
	must(t, err)
	log := discard()
	ring := service.NewKeyring(store.Keys, newRoot(t), service.KeyPolicy{
		Poll: time.Hour, Lifetime: map[service.KeyUse]time.Duration{service.UseAccess: time.Hour, service.UseRefresh: 400 * 24 * time.Hour},
		File: func() ([]byte, error) { return fmt.Appendf(nil, `{"keys":[%s]}`, private), nil },
	}, clock, service.NewAuditLog(store.Audits, log), log)
	must(t, ring.Start(t.Context()))
	return ring
}

// NewMinter returns the tokens of a service of its own, whose access tokens are signed by a given key
// for the audience api, for at most 10 minutes.
func newMinter(t testing.TB, access service.Key) *service.Tokens {
	t.Helper()
	clock := clockAt(noonClock)
	return service.NewTokens(newRoot(t), newRing(t, testserver.SQLiteStore(t), access, clock), "https://auth.example", "api", 10*time.Minute, clock)
}

// MintAccess returns an access token of the default lifetime.
func mintAccess(t testing.TB, tokens *service.Tokens, s service.Subject) service.RawToken {
	t.Helper()
	raw, _, err := tokens.MintAccess(s, "", []string{"pwd"}, tokens.Lifetime(0))
	must(t, err)
	return raw
}

// MintRefresh returns the refresh token of a session in some generation.
func mintRefresh(t testing.TB, tokens *service.Tokens, userID, sessionID string, gen int64) service.RawToken {
	t.Helper()
	raw, err := tokens.MintRefresh(service.RefreshToken{
		UserID: userID, SessionID: sessionID, ClientID: service.ClientAPI, Gen: gen, ID: service.NewTokenID(),
		IssuedAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
	})
	must(t, err)
	return raw
}
