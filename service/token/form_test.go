package token_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/internal/apptest"
	"latchkey/service/token"
)

// TestVerify_RefusesAmbiguousForms signs each token properly: only its form is wrong.
func TestVerify_RefusesAmbiguousForms(t *testing.T) {
	access, key := apptest.ForgeableKey(t)
	kid, tokens := access.ID, apptest.NewMinter(t, access)
	header := `{"alg":"HS256","typ":"at+jwt","kid":"` + kid + `"}`
	claims := fuzzClaims
	sign := func(header, claims string) token.Raw { return token.Raw(signed(t, header, claims, key)) }
	good := sign(header, claims)
	if _, err := tokens.VerifyAccess(good); err != nil {
		t.Fatalf("the token that all others differ from in one point: %v", err)
	}
	cases := map[string]token.Raw{
		"alg twice":              sign(strings.Replace(header, "{", `{"alg":"none",`, 1), claims),
		"typ twice":              sign(strings.Replace(header, "}", `,"typ":"at+jwt"}`, 1), claims),
		"an escaped name":        sign(strings.Replace(header, `"alg"`, `"\u0061lg"`, 1), claims),
		"ALG":                    sign(strings.Replace(header, `"alg"`, `"ALG"`, 1), claims),
		"an unknown member":      sign(strings.Replace(header, "}", `,"cty":"JWT"}`, 1), claims),
		"kid that is no string":  sign(strings.Replace(header, `"`+kid+`"`, `["`+kid+`"]`, 1), claims),
		"sub twice":              sign(header, strings.Replace(claims, "{", `{"sub":"admin",`, 1)),
		"a claim twice, deep":    sign(header, strings.Replace(claims, "{", `{"act":{"sub":"a","sub":"b"},`, 1)),
		"a claim twice, in list": sign(header, strings.Replace(claims, "{", `{"x":[{"a":1,"a":2}],`, 1)),
		"EXP":                    sign(header, strings.Replace(claims, `"exp"`, `"EXP"`, 1)),
		"EXP beside exp":         sign(header, strings.Replace(claims, "{", `{"EXP":9999999999,`, 1)),
		"exp with a fraction":    sign(header, strings.Replace(claims, "1772366460", "1772366460.5", 1)),
		"exp with an exponent":   sign(header, strings.Replace(claims, "1772366460", "1.77236646e9", 1)),
		"exp as text":            sign(header, strings.Replace(claims, "1772366460", `"1772366460"`, 1)),
		"exp below zero":         sign(header, strings.Replace(claims, "1772366460", "-1", 1)),
		"exp beyond 2^53":        sign(header, strings.Replace(claims, "1772366460", "9007199254740993", 1)),
		"exp beyond all range":   sign(header, strings.Replace(claims, "1772366460", "99999999999999999999", 1)),
		"act that is no object":  sign(header, strings.Replace(claims, "{", `{"act":"admin",`, 1)),
		"act with SUB":           sign(header, strings.Replace(claims, "{", `{"act":{"SUB":"a"},`, 1)),
		"privilege as text":      sign(header, strings.Replace(claims, "{", `{"privilege":"2",`, 1)),
		"no word":                sign(header, strings.Replace(claims, "{", `{"x":tru,`, 1)),
		"iss that is null":       sign(header, strings.Replace(claims, `"https://auth.example"`, "null", 1)),
		"something after it":     sign(header, claims+" {}"),
		"no object":              sign(header, `["x"]`),
		"too deep":               sign(header, strings.Replace(claims, "{", `{"x":[[[[1]]]],`, 1)),
		"too many members":       sign(header, `{"a":1`+strings.Repeat(`,"b":1`, 40)+`}`),
		"half an object":         sign(header, claims[:len(claims)-1]),
		"bits that do not count": good[:len(good)-1] + token.Raw(other(good[len(good)-1])),
		"a newline inside":       good[:20] + "\n" + good[20:],
		"padding":                good + "==",
		"an empty signature":     good[:strings.LastIndex(string(good), ".")+1],
		"two parts":              good[:strings.LastIndex(string(good), ".")],
		"four parts":             good + ".x",
	}
	for name, token := range cases {
		if s, err := tokens.VerifyAccess(token); err == nil {
			t.Errorf("%s: accepted as %+v", name, s)
		}
	}
	t.Logf("%d tokens refused for their form", len(cases))
}

// signed signs a text as a token by HS256.
func signed(t apptest.Fataler, header, claims string, key []byte) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	signature, err := jwt.SigningMethodHS256.Sign(text, key)
	apptest.Must(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// other returns a character that decodes to the same bytes, because it differs only in unused bits.
func other(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}
