package token_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/internal/apptest"
	"latchkey/service/jose"
	"latchkey/service/token"
)

// manyTokens is more than a verifier remembers, so that each token in a round of this many is new
// to the verifier.
const manyTokens = 20_000

// BenchmarkVerifyAccess compares, for each algorithm, golang-jwt alone with the first verification
// of a token and a repeated one. For RS256 the first verification is measured without the memory of
// verified tokens, because signing manyTokens tokens takes too long.
func BenchmarkVerifyAccess(b *testing.B) {
	for _, a := range []jose.Algorithm{jose.HS256, jose.EdDSA, jose.ES256, jose.RS256} {
		access, material := apptest.ForgeableKey(b)
		var public any = material
		if a != jose.HS256 {
			private := generateSigner(b, a)
			public = private.Public()
			var err error
			access, err = jose.NewKey("", private)
			apptest.Must(b, err)
		}
		tokens := apptest.NewMinter(b, access)
		n := manyTokens
		if a == jose.RS256 {
			n = 1
		}
		raw := make([]token.Raw, n)
		for i := range raw {
			raw[i] = apptest.MintAccess(b, tokens, token.Subject{
				UserID: benchUser, SessionID: benchSession, ClientID: token.ClientAPI, AuthTime: apptest.Noon,
			})
		}
		run := func(name string, verify func(i int) error) {
			i := 0 // continues with -count, so that no run meets the tokens of an earlier run
			b.Run(string(a)+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := verify(i % n); err != nil {
						b.Fatal(err)
					}
					i++
				}
			})
		}
		parser := jwt.NewParser(jwt.WithTimeFunc(apptest.NoonClock))
		run("golang-jwt", func(i int) error {
			_, err := parser.ParseWithClaims(string(raw[i]), jwt.MapClaims{}, func(*jwt.Token) (any, error) { return public, nil })
			return err
		})
		run("first", func(i int) error {
			if n == 1 {
				_, err := tokens.VerifyLateAccess(raw[0], 0)
				return err
			}
			_, err := tokens.VerifyAccess(raw[i])
			return err
		})
		run("repeated", func(int) error {
			_, err := tokens.VerifyAccess(raw[0])
			return err
		})
	}
}

// BenchmarkVerifyRefresh measures only the work of each request. Refresh tokens are not remembered,
// because each is sent once.
func BenchmarkVerifyRefresh(b *testing.B) {
	tokens := apptest.NewMinter(b, apptest.GenerateKey(b, jose.HS256))
	raw := apptest.MintRefresh(b, tokens, benchUser, benchSession, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.VerifyRefresh(raw); err != nil {
			b.Fatal(err)
		}
	}
}
