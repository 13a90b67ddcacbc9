package controller_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"latchkey/internal/testserver"
	"latchkey/service/audit"
	"latchkey/service/keys"
)

// TestJWKS_OtherLibrariesVerifyTokens verifies access tokens with independent libraries, which
// know only the published key set, before and after a rotation.
func TestJWKS_OtherLibrariesVerifyTokens(t *testing.T) {
	verifiers := map[string]func(t *testing.T, url, token string) (subject string, err error){
		"jwx": func(t *testing.T, url, token string) (string, error) {
			set, err := jwk.Fetch(t.Context(), url)
			must(t, err)
			parsed, err := jwxjwt.Parse([]byte(token), jwxjwt.WithKeySet(set), jwxjwt.WithAudience("latchkey"))
			if err != nil {
				return "", err
			}
			subject, _ := parsed.Subject()
			return subject, nil
		},
		"go-jose": func(t *testing.T, url, token string) (string, error) {
			var set jose.JSONWebKeySet
			must(t, json.Unmarshal(fetch(t, url), &set))
			parsed, err := josejwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.RS256})
			must(t, err)
			keys := set.Key(parsed.Headers[0].KeyID)
			if len(keys) != 1 || !keys[0].Valid() || !keys[0].IsPublic() {
				t.Fatalf("go-jose finds %d keys", len(keys))
			}
			var c josejwt.Claims
			err = parsed.Claims(keys[0].Key, &c)
			return c.Subject, err
		},
		"keyfunc": func(t *testing.T, url, token string) (string, error) {
			keys, err := keyfunc.NewDefaultCtx(t.Context(), []string{url})
			must(t, err)
			parsed, err := jwt.Parse(token, keys.Keyfunc, jwt.WithAudience("latchkey"))
			if err != nil {
				return "", err
			}
			return parsed.Claims.GetSubject()
		},
	}
	for _, algorithm := range []string{"EdDSA", "ES256", "RS256"} {
		t.Run(algorithm, func(t *testing.T) {
			i, err := start(t, testserver.SQLiteStore(t), &testClock{real: true}, "tokens.algorithm="+algorithm)
			must(t, err)
			i.addAda(t)
			url := "http://" + i.address + "/.well-known/jwks.json"
			for round := range 2 {
				var login struct{ ID, AccessToken string }
				postJSON(t, i, "/api/users/login", `{"username":"ada","password":"correct horse"}`, &login)
				for name, verify := range verifiers {
					if subject, err := verify(t, url, login.AccessToken); err != nil || subject != login.ID {
						t.Errorf("%s, round %d: subject %q, %v", name, round, subject, err)
					}
					if _, err := verify(t, url, login.AccessToken[:len(login.AccessToken)-8]+"AAAAAAAA"); err == nil {
						t.Errorf("%s accepts anything", name)
					}
				}
				_, err := i.Keys.Rotate(t.Context(), keys.UseAccess, true, audit.Origin{})
				must(t, err)
				must(t, i.Keys.Load(t.Context()))
			}
		})
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return b
}

// postJSON sends JSON and decodes the response, which must be a success.
func postJSON(t *testing.T, i *instance, path, body string, out any) {
	t.Helper()
	res, err := i.client(false).Post(i.public.String()+path, "application/json", strings.NewReader(body))
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", path, res.StatusCode, b)
	}
	must(t, json.Unmarshal(b, out))
}
