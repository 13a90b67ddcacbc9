package access_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// exampleIssuer issues access tokens as Latchkey does (RFC 9068) and publishes its key. The
// examples use it so that a module that imports the guards needs no module of the service.
type exampleIssuer struct {
	*httptest.Server
	key ed25519.PrivateKey
}

func startIssuer() *exampleIssuer {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	jwks := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"key-1","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	return &exampleIssuer{key: private, Server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = fmt.Fprint(w, jwks)
	}))}
}

func (i *exampleIssuer) stop() { i.Close() }

// token returns an access token of a user, or with an empty user the token of a client.
func (i *exampleIssuer) token(user string, privilege int, scope string) string {
	claims := jwt.MapClaims{
		"iss": i.URL, "aud": "latchkey", "sub": "robot", "client_id": "robot", "jti": rand.Text(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "privilege": privilege,
	}
	if user != "" {
		claims["sub"], claims["client_id"], claims["sid"] = user, "latchkey", "session-1"
	}
	if scope != "" {
		claims["scope"] = scope
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	unsigned.Header["typ"], unsigned.Header["kid"] = "at+jwt", "key-1"
	signed, err := unsigned.SignedString(i.key)
	if err != nil {
		panic(err)
	}
	return signed
}

// status requests /orders with an access token and returns the status of the answer.
func status(api http.Handler, method, accessToken string) int {
	r := httptest.NewRequestWithContext(context.Background(), method, "/orders", nil)
	if accessToken != "" {
		r.Header.Set("Authorization", "Bearer "+accessToken)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Code
}
