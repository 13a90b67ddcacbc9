package service_test

import (
	"testing"
	"time"

	"latchkey/service"
)

// Whose tokens the benchmarks make.
const (
	benchUser    = "0192a4b2-0000-7000-8000-000000000000"
	benchSession = "0192a4b2-0000-7000-8000-000000000001"
)

// benchTokens mint access tokens by an algorithm.
func benchTokens(b *testing.B, a service.Algorithm) *service.Tokens {
	b.Helper()
	root, err := service.NewRootSecret([]byte(secret))
	must(b, err)
	return service.NewTokens(root, service.FixedKeysForTest(secret, a), "https://auth.example", "api", 10*time.Minute, clockAt(noonClock))
}

// BenchmarkMintAccess makes an access token, as every refresh and log-in does.
func BenchmarkMintAccess(b *testing.B) {
	for _, a := range []service.Algorithm{service.HS256, service.EdDSA} {
		b.Run(string(a), func(b *testing.B) {
			tokens := benchTokens(b, a)
			who := service.Subject{UserID: benchUser, SessionID: benchSession, ClientID: service.ClientAPI, AuthTime: noon}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tokens.AccessForTest(who); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMintRefresh makes a refresh token. Their keys are of HS256 always: nobody
// else reads them.
func BenchmarkMintRefresh(b *testing.B) {
	tokens := benchTokens(b, service.HS256)
	b.ReportAllocs()
	for gen := int64(0); b.Loop(); gen++ {
		if _, err := tokens.RefreshForTest(benchUser, benchSession, gen); err != nil {
			b.Fatal(err)
		}
	}
}
