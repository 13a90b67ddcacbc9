package token_test

import (
	"slices"
	"strings"
	"testing"

	"latchkey/internal/apptest"
	"latchkey/service/token"
)

// FuzzVerifyAccess searches for a text that is accepted although it was not minted. Every text that
// differs from a valid token must be refused, and no text may make the verifier panic.
func FuzzVerifyAccess(f *testing.F) {
	access, key := apptest.ForgeableKey(f) // the same in every process, for the corpus
	kid, tokens := access.ID, apptest.NewMinter(f, access)
	good := []string{
		signed(f, `{"alg":"HS256","typ":"at+jwt","kid":"`+kid+`"}`, fuzzClaims, key),
		signed(f, `{"kid":"`+kid+`","alg":"HS256","typ":"at+jwt"}`, strings.Replace(fuzzClaims, "{", `{"act":{"sub":"admin"},"extra":[1,{"a":null}],`, 1), key),
	}
	for _, g := range good {
		if _, err := tokens.VerifyAccess(token.Raw(g)); err != nil {
			f.Fatalf("a good token: %v", err)
		}
		f.Add(g)
		f.Add(g + "=")
		f.Add(g[:len(g)-1])
		f.Add(strings.Replace(g, ".", "..", 1))
		f.Add(g + "." + g)
	}
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Add("\n.\n.\n")
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := tokens.VerifyAccess(token.Raw(raw))
		if (err == nil) != slices.Contains(good, raw) {
			t.Errorf("%q: %+v, %v", raw, s, err)
		}
	})
}

const fuzzClaims = `{"iss":"https://auth.example","aud":"api","sub":"u","jti":"j","iat":1772366400,"exp":1772366460}`
