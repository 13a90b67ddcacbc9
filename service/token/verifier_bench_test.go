package token_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/internal/apptest"
	"latchkey/service/jose"
	"latchkey/service/token"
)

// manyTokens is more than a verifier remembers, so that a round through so many
// meets each for the first time.
const manyTokens = 20_000

// BenchmarkVerifyAccess compares, for each algorithm, what golang-jwt alone
// costs with the first verification of a token and a repeated one. The first of
// RS256 is without remembering it: to sign so many takes too long.
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
			i := 0 // goes on with -count: a run must not meet the tokens of the one before
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

// BenchmarkVerifyRefresh has only what is done each time: refresh tokens are not
// remembered, since each is shown once.
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
