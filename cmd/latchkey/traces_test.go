package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/testserver"
)

// TestTraces_HaveTheCallsAndNoSecrets collects the spans of a login, a refresh and a logout
// that belong to the client's trace.
func TestTraces_HaveTheCallsAndNoSecrets(t *testing.T) {
	var mu sync.Mutex
	var got bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.Copy(&got, r.Body)
	}))
	t.Cleanup(collector.Close)
	port := freePort(t)
	rd, prefix := testserver.Redis(t)
	r := serveIn(t, port, "--config", settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port),
		"database.url: '"+testserver.Postgres(t)+"'", "redis.url: '"+rd+"', prefix: '"+prefix+"'", "tokens.secret: '"+testSecret+"'",
		"traces.endpoint: '"+collector.URL+"/v1/traces'"))
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	send := func(path, body string, into any) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, r.url+path, strings.NewReader(body))
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode >= 400 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
		if b, err := io.ReadAll(res.Body); err == nil && into != nil {
			must(t, json.Unmarshal(b, into))
		}
	}
	// jti returns the token ID, which the Redis calls contain.
	jti := func(token string) string {
		t.Helper()
		b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		must(t, err)
		var claims struct{ JTI string }
		must(t, json.Unmarshal(b, &claims))
		return claims.JTI
	}
	var first, second tokens
	send("/api/users", ada, nil)
	send("/api/users/login", loginBody, &first)
	send("/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, first.RefreshToken), &second)
	send("/api/users/logout", fmt.Sprintf(`{"refreshToken":%q}`, second.RefreshToken), nil)
	r.stop(t) // sends the remaining spans

	mu.Lock()
	defer mu.Unlock()
	id, err := hex.DecodeString(trace)
	must(t, err)
	text := got.String()
	for _, want := range []string{"POST /api/users/refresh", "evalsha", "SELECT", "latchkey", string(id)} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in %d bytes of traces", want, len(text))
		}
	}
	for _, secret := range []string{
		"correct horse", "ada@example.org", "$2a$", "eyJhbGci", testSecret, first.AccessToken, second.RefreshToken, jti(second.RefreshToken),
	} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret is in the traces: %.4s...", secret)
		}
	}
}
