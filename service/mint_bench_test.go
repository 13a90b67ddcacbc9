package service_test

import (
	"testing"

	"latchkey/service"
)

// Whose tokens the benchmarks make.
const (
	benchUser    = "0192a4b2-0000-7000-8000-000000000000"
	benchSession = "0192a4b2-0000-7000-8000-000000000001"
)

// BenchmarkMintAccess makes an access token, as every refresh and log-in does.
func BenchmarkMintAccess(b *testing.B) {
	for _, a := range []service.Algorithm{service.HS256, service.EdDSA} {
		b.Run(string(a), func(b *testing.B) {
			tokens := newMinter(b, generateKey(b, a))
			who := service.Subject{UserID: benchUser, SessionID: benchSession, ClientID: service.ClientAPI, AuthTime: noon}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := tokens.MintAccess(who, "", []string{"pwd"}, tokens.Lifetime(0)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMintRefresh makes a refresh token. Their keys are of HS256 always: nobody
// else reads them.
func BenchmarkMintRefresh(b *testing.B) {
	tokens := newMinter(b, generateKey(b, service.HS256))
	b.ReportAllocs()
	for gen := int64(0); b.Loop(); gen++ {
		mintRefresh(b, tokens, benchUser, benchSession, gen)
	}
}
