package service_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"latchkey/service"
)

// TestATokenHasOneSignature computes the other signature of ES256 tokens, which is as
// good to most libraries: it is refused, and ours are never it.
func TestATokenHasOneSignature(t *testing.T) {
	tokens := newMinter(t, generateKey(t, service.ES256))
	for range 64 { // half of them would be high
		subject := service.Subject{UserID: "u", SessionID: "s", ClientID: service.ClientAPI}
		raw := mintAccess(t, tokens, subject)
		if _, err := tokens.VerifyAccess(raw); err != nil {
			t.Fatalf("ours: %v", err)
		}
		if _, err := tokens.VerifyAccess(otherS(t, raw)); code(err) != service.CodeTokenInvalid {
			t.Fatalf("with the other s: %v", err)
		}
		raw = mintAccess(t, tokens, service.Subject{ClientID: "shop"})
		if _, err := tokens.VerifyAccess(otherS(t, raw)); code(err) != service.CodeTokenInvalid {
			t.Fatalf("a client's own, with the other s: %v", err)
		}
		// A version before the claim epoch signed with either s.
		subject.Epoch = -1
		raw = mintAccess(t, tokens, subject)
		if _, err := tokens.VerifyAccess(otherS(t, raw)); err != nil {
			t.Fatalf("of an earlier version: %v", err)
		}
	}
}

// otherS replaces the s of a signature by n - s.
func otherS(t *testing.T, raw service.RawToken) service.RawToken {
	t.Helper()
	parts := strings.Split(string(raw), ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	must(t, err)
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	parts[2] = base64.RawURLEncoding.EncodeToString(signature)
	return service.RawToken(strings.Join(parts, "."))
}
