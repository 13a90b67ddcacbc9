package token_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"latchkey/internal/apptest"
	"latchkey/service"
	"latchkey/service/jose"
	"latchkey/service/token"
)

// TestVerify_RefusesTheHighSignatureOfES256 computes the second valid signature of ES256 tokens,
// which most libraries accept. Latchkey refuses it, and never issues it.
func TestVerify_RefusesTheHighSignatureOfES256(t *testing.T) {
	tokens := apptest.NewMinter(t, apptest.GenerateKey(t, jose.ES256))
	for range 64 { // without normalization half of them would be high
		subject := token.Subject{UserID: "u", SessionID: "s", ClientID: token.ClientAPI}
		raw := apptest.MintAccess(t, tokens, subject)
		if _, err := tokens.VerifyAccess(raw); err != nil {
			t.Fatalf("ours: %v", err)
		}
		if _, err := tokens.VerifyAccess(otherS(t, raw)); apptest.Code(err) != service.CodeTokenInvalid {
			t.Fatalf("with the other s: %v", err)
		}
		raw = apptest.MintAccess(t, tokens, token.Subject{ClientID: "shop"})
		if _, err := tokens.VerifyAccess(otherS(t, raw)); apptest.Code(err) != service.CodeTokenInvalid {
			t.Fatalf("a client's own, with the other s: %v", err)
		}
		// A version before the epoch claim signed with either s.
		subject.Epoch = -1
		raw = apptest.MintAccess(t, tokens, subject)
		if _, err := tokens.VerifyAccess(otherS(t, raw)); err != nil {
			t.Fatalf("of an earlier version: %v", err)
		}
	}
}

func otherS(t *testing.T, raw token.Raw) token.Raw {
	t.Helper()
	// For a signature (r, s), (r, n - s) is valid too.
	parts := strings.Split(string(raw), ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	apptest.Must(t, err)
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	parts[2] = base64.RawURLEncoding.EncodeToString(signature)
	return token.Raw(strings.Join(parts, "."))
}
