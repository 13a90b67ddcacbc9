package service_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"latchkey/service"
)

// TestATokenHasOneSignature computes the other signature of ES256 tokens, which is as
// good to most libraries: it is refused, and ours are never it.
func TestATokenHasOneSignature(t *testing.T) {
	root, err := service.DeriveKeys([]byte(secret))
	must(t, err)
	tokens := service.NewTokens(root, service.FixedKeysForTest(secret, service.ES256), "https://auth.example", "api", 10*time.Minute, clockAt(noonClock))
	for range 64 { // half of them would be high
		raw, err := tokens.AccessForTest(service.Subject{UserID: "u", SessionID: "s", ClientID: service.ClientAPI})
		must(t, err)
		if _, err := tokens.VerifyAccess(raw); err != nil {
			t.Fatalf("ours: %v", err)
		}
		parts := strings.Split(string(raw), ".")
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		must(t, err)
		s := new(big.Int).SetBytes(signature[32:])
		s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
		parts[2] = base64.RawURLEncoding.EncodeToString(signature)
		if _, err := tokens.VerifyAccess(service.RawToken(strings.Join(parts, "."))); code(err) != service.CodeTokenInvalid {
			t.Fatalf("with the other s: %v", err)
		}
	}
}
