package token_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/service/secret"
	"latchkey/service/token"
)

func TestVerifyAccess_RefusesForgedTokens(t *testing.T) {
	access, key := apptest.ForgeableKey(t)
	kid, tokens := access.ID, apptest.NewMinter(t, access)
	header := map[string]any{"alg": "HS256", "typ": "at+jwt", "kid": kid}
	claims := map[string]any{
		"iss": "https://auth.example", "aud": "api", "sub": "u", "sid": "s", "jti": "j", "client_id": "latchkey",
		"iat": apptest.Noon.Unix(), "exp": apptest.Noon.Add(time.Minute).Unix(), "privilege": 0,
	}
	if _, err := tokens.VerifyAccess(forge(t, header, claims, key)); err != nil {
		t.Fatalf("the token that all others differ from in one point: %v", err)
	}
	cases := map[string]token.Raw{
		"another key":     forge(t, header, claims, []byte("another key that is long enough!")),
		"alg none":        forge(t, with(header, "alg", "none"), claims, nil),
		"no signature":    token.Raw(strings.TrimRight(string(forge(t, header, claims, nil)), ".") + "."),
		"five parts":      forge(t, header, claims, key) + ".a.b",
		"a newline":       forge(t, header, claims, key) + "\n",
		"padding":         forge(t, header, claims, key) + "=",
		"too long":        forge(t, header, with(claims, "x", strings.Repeat("a", 9000)), key),
		"iat as a string": forge(t, header, with(claims, "iat", "now"), key),
	}
	for name, value := range map[string]any{"alg": "HS512", "typ": "rt+jwt", "kid": "other"} {
		cases["another "+name] = forge(t, with(header, name, value), claims, key)
	}
	for _, name := range []string{"crit", "jwk", "jku", "x5u", "x5c", "b64"} {
		cases["a "+name] = forge(t, with(header, name, []string{"x"}), claims, key)
	}
	for name, value := range map[string]any{
		"iss": "https://evil.example", "aud": "other", "iat": apptest.Noon.Add(61 * time.Second).Unix(), "nbf": apptest.Noon.Add(61 * time.Second).Unix(),
		"exp": apptest.Noon.Add(-time.Minute).Unix(),
	} {
		cases["another "+name] = forge(t, header, with(claims, name, value), key)
	}
	for _, name := range []string{"iss", "aud", "sub", "jti", "iat", "exp"} {
		cases["no "+name] = forge(t, header, with(claims, name, nil), key)
	}
	for name, token := range cases {
		if s, err := tokens.VerifyAccess(token); err == nil {
			t.Errorf("%s: accepted as %+v", name, s)
		}
	}
	t.Logf("%d forged tokens refused", len(cases))
}

func TestNew_RefusesAShortSecret(t *testing.T) {
	if _, err := secret.New([]byte("too short")); err == nil {
		t.Error("a short secret was accepted")
	}
}

// with returns a copy of m with a member set, or removed if the value is nil.
func with(m map[string]any, name string, value any) map[string]any {
	m = maps.Clone(m)
	if m[name] = value; value == nil {
		delete(m, name)
	}
	return m
}

func forge(t *testing.T, header, claims map[string]any, key []byte) token.Raw {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(header) + "." + part(claims)
	signature, err := jwt.SigningMethodHS256.Sign(signed, append([]byte{}, key...))
	if err != nil {
		t.Fatal(err)
	}
	if key == nil {
		signature = nil
	}
	return token.Raw(signed + "." + base64.RawURLEncoding.EncodeToString(signature))
}

// TestSignedByAnother_TokensOfThisIssuerAreNot checks which refused tokens a browser may delete. A
// replica that may not know all keys must not call a key foreign.
func TestSignedByAnother_TokensOfThisIssuerAreNot(t *testing.T) {
	access, key := apptest.ForgeableKey(t)
	clock := apptest.ClockAt(apptest.NoonClock)
	ring := apptest.NewRing(t, testserver.SQLiteStore(t), access, clock)
	header := map[string]any{"alg": "HS256", "typ": "at+jwt", "kid": access.ID}
	claims := map[string]any{
		"iss": "https://auth.example", "aud": "api", "sub": "u", "sid": "s", "jti": "j", "client_id": "latchkey",
		"iat": apptest.Noon.Unix(), "exp": apptest.Noon.Add(time.Minute).Unix(), "privilege": 0,
	}
	for name, test := range map[string]struct {
		raw     token.Raw
		foreign [2]bool // with current keys, with keys that may be outdated
	}{
		"another key":                          {forge(t, header, claims, []byte("another key that is long enough!")), [2]bool{true, true}},
		"an unknown kid":                       {forge(t, with(header, "kid", "other"), claims, key), [2]bool{true, false}},
		"no kid":                               {forge(t, with(header, "kid", nil), claims, key), [2]bool{true, false}},
		"another type":                         {forge(t, with(header, "typ", "JWT"), claims, key), [2]bool{true, true}},
		"another algorithm":                    {forge(t, with(header, "alg", "RS256"), claims, key), [2]bool{true, true}},
		"a member":                             {forge(t, with(header, "jku", "x"), claims, key), [2]bool{true, true}},
		"not a JWT":                            {"a.b.c", [2]bool{true, true}},
		"too long":                             {token.Raw(strings.Repeat("a", 9000)), [2]bool{true, true}},
		"expired":                              {forge(t, header, with(claims, "exp", apptest.Noon.Add(-time.Hour).Unix()), key), [2]bool{}},
		"another issuer":                       {forge(t, header, with(claims, "iss", "https://old.example"), key), [2]bool{}},
		"another audience":                     {forge(t, header, with(claims, "aud", "old"), key), [2]bool{}},
		"a claim that another version may add": {forge(t, header, with(claims, "Upper", "x"), key), [2]bool{}},
	} {
		for i, source := range []token.KeySource{ring, outdated{ring}} {
			_, err := token.NewVerifier(source, "https://auth.example", "api", 0, clock.Now).VerifyAccess(test.raw)
			if err == nil || token.SignedByAnother(err) != test.foreign[i] {
				t.Errorf("%s, with outdated keys: %v: foreign is %v: %v", name, i == 1, !test.foreign[i], err)
			}
		}
	}
}

// outdated is a source of keys that may not know all of them.
type outdated struct{ token.KeySource }

func (outdated) Current() bool { return false }
