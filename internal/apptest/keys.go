package apptest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/jose"
	"latchkey/service/keys"
	"latchkey/service/secret"
	"latchkey/service/token"
)

// Secret is the root secret of a world.
const Secret = "a root secret for tests, 32 bytes or more"

// Noon is the time at which a world begins.
var Noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Day is the unit in which sessions last.
const Day = 24 * time.Hour

// Discard returns a log that keeps nothing.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// NoonClock always returns Noon.
func NoonClock() time.Time { return Noon }

// ForgeableKey returns the HS256 key of the access tokens of a world, so that tests can forge
// them.
func ForgeableKey(t testing.TB) (k jose.Key, material []byte) {
	t.Helper()
	digest := sha256.Sum256([]byte(Secret))
	k, err := jose.ParseKey(fmt.Appendf(nil, `{"kty":"oct","kid":"forgeable","k":%q}`, base64.RawURLEncoding.EncodeToString(digest[:])))
	Must(t, err)
	return k, digest[:]
}

// GenerateKey returns a new key of an algorithm.
func GenerateKey(t testing.TB, a jose.Algorithm) jose.Key {
	t.Helper()
	k, err := jose.GenerateKey(a)
	Must(t, err)
	return k
}

// NewRoot returns the root secret of a world.
func NewRoot(t testing.TB) secret.Root {
	t.Helper()
	root, err := secret.New([]byte(Secret))
	Must(t, err)
	return root
}

// NewRing returns the keys of a service. A given key signs its access tokens, and the other
// keys are in the store.
func NewRing(t testing.TB, store repository.Store, access jose.Key, clock *clock.Clock) *keys.Ring {
	t.Helper()
	private, err := access.PrivateJWK()
	Must(t, err)
	log := Discard()
	ring := keys.NewRing(store.Keys, NewRoot(t), keys.Policy{
		Poll: time.Hour, Lifetime: map[keys.Use]time.Duration{keys.UseAccess: time.Hour, keys.UseRefresh: 400 * 24 * time.Hour},
		File: func() ([]byte, error) { return fmt.Appendf(nil, `{"keys":[%s]}`, private), nil },
	}, clock, audit.NewLog(store.Audits, log), log)
	Must(t, ring.Start(t.Context()))
	return ring
}

// NewMinter returns the tokens of a separate service. A given key signs its access tokens, for
// the audience api and for at most 10 minutes.
func NewMinter(t testing.TB, access jose.Key) *token.Minter {
	t.Helper()
	clock := ClockAt(NoonClock)
	return token.NewMinter(NewRoot(t), NewRing(t, testserver.SQLiteStore(t), access, clock), "https://auth.example", "api", 10*time.Minute, clock)
}

// MintAccess returns an access token of the default lifetime.
func MintAccess(t testing.TB, tokens *token.Minter, s token.Subject) token.Raw {
	t.Helper()
	raw, _, err := tokens.MintAccess(s, "", []string{"pwd"}, tokens.Lifetime(0))
	Must(t, err)
	return raw
}

// MintRefresh returns the refresh token of a session in a given generation.
func MintRefresh(t testing.TB, tokens *token.Minter, userID, sessionID string, gen int64) token.Raw {
	t.Helper()
	raw, err := tokens.MintRefresh(token.Refresh{
		RefreshToken: repository.RefreshToken{UserID: userID, SessionID: sessionID, Gen: gen, JTI: token.NewID(), IssuedAt: Noon},
		ClientID:     token.ClientAPI, ExpiresAt: Noon.Add(24 * time.Hour),
	})
	Must(t, err)
	return raw
}
