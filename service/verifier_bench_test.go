package service_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/service"
)

// manyTokens is more than a verifier remembers, so that a round through so many
// meets each for the first time.
const manyTokens = 20_000

// BenchmarkVerifyAccess compares, for each algorithm, what golang-jwt alone
// costs with the first verification of a token and a repeated one. The first of
// RS256 is without remembering it: to sign so many takes too long.
func BenchmarkVerifyAccess(b *testing.B) {
	for _, a := range []service.Algorithm{service.HS256, service.EdDSA, service.ES256, service.RS256} {
		access, material := forgeableKey(b)
		var public any = material
		if a != service.HS256 {
			private := generateSigner(b, a)
			public = private.Public()
			var err error
			access, err = service.NewKey("", private)
			must(b, err)
		}
		tokens := newMinter(b, access)
		n := manyTokens
		if a == service.RS256 {
			n = 1
		}
		raw := make([]service.RawToken, n)
		for i := range raw {
			raw[i] = mintAccess(b, tokens, service.Subject{
				UserID: benchUser, SessionID: benchSession, ClientID: service.ClientAPI, AuthTime: noon,
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
		parser := jwt.NewParser(jwt.WithTimeFunc(noonClock))
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
	tokens := newMinter(b, generateKey(b, service.HS256))
	raw := mintRefresh(b, tokens, benchUser, benchSession, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.VerifyRefresh(raw); err != nil {
			b.Fatal(err)
		}
	}
}
