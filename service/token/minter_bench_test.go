package token_test

import (
	"testing"

	"latchkey/internal/apptest"
	"latchkey/service/jose"
	"latchkey/service/token"
)

// The user and the session in the tokens of the benchmarks.
const (
	benchUser    = "0192a4b2-0000-7000-8000-000000000000"
	benchSession = "0192a4b2-0000-7000-8000-000000000001"
)

// BenchmarkMintAccess mints an access token, as every refresh and login does.
func BenchmarkMintAccess(b *testing.B) {
	for _, a := range []jose.Algorithm{jose.HS256, jose.EdDSA} {
		b.Run(string(a), func(b *testing.B) {
			tokens := apptest.NewMinter(b, apptest.GenerateKey(b, a))
			who := token.Subject{UserID: benchUser, SessionID: benchSession, ClientID: token.ClientAPI, AuthTime: apptest.Noon}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := tokens.MintAccess(who, "", []string{"pwd"}, tokens.Lifetime(0)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMintRefresh mints a refresh token. The keys are always of HS256, because only the server
// reads refresh tokens.
func BenchmarkMintRefresh(b *testing.B) {
	tokens := apptest.NewMinter(b, apptest.GenerateKey(b, jose.HS256))
	b.ReportAllocs()
	for gen := int64(0); b.Loop(); gen++ {
		apptest.MintRefresh(b, tokens, benchUser, benchSession, gen)
	}
}
