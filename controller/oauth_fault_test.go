package controller_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	"latchkey/internal/testserver"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/oauth"
)

// TestOAuth_StoppedStoreIsNotInvalidGrant stops each store while a client exchanges a code and
// refreshes. The response is 503, and the same request succeeds once the store is back.
func TestOAuth_StoppedStoreIsNotInvalidGrant(t *testing.T) {
	pgServer, rdServer := testserver.StartPostgres(t), testserver.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	i, _ := startOn(t, pgServer, rdServer)
	_, _, err := i.Clients.Create(t.Context(), oauth.ClientSpec{
		ID: "spa", Public: true, Grants: []string{"authorization_code", "refresh_token"}, RedirectURIs: []string{"https://shop.example/cb"},
	}, "", account.Caller{}, audit.Origin{})
	must(t, err)
	client := i.client(false)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	post := func(path string, form url.Values) (answer, map[string]any) {
		t.Helper()
		res, err := client.PostForm(i.public.String()+path, form)
		must(t, err)
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		var body map[string]any
		_ = json.Unmarshal(b, &body) // a page is not JSON
		return answer{res.StatusCode, res.Header, string(b)}, body
	}
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	page, _ := post("/oauth/authorize", url.Values{
		"response_type": {"code"}, "client_id": {"spa"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
		"username": {"ada"}, "password": {"correct horse"}, "decision": {"allow"},
	})
	back, err := url.Parse(page.header.Get("Location"))
	must(t, err)
	request := url.Values{"grant_type": {"authorization_code"}, "client_id": {"spa"}, "code": {back.Query().Get("code")}, "code_verifier": {verifier}}

	trouble := func(what string) {
		t.Helper()
		got, body := post("/oauth/token", request)
		if got.status != 503 || got.header.Get("Retry-After") == "" || body["error"] != "temporarily_unavailable" {
			t.Errorf("%s: %d %v", what, got.status, body)
		}
	}
	rdServer.Kill()
	trouble("a code without Redis")
	rdServer.Restart(t)
	got, body := post("/oauth/token", request)
	if got.status != 200 {
		t.Fatalf("the same code afterwards: %d %v", got.status, body)
	}
	request = url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {body["refresh_token"].(string)}}
	rdServer.Kill()
	trouble("a refresh without Redis")
	rdServer.Restart(t)
	pgServer.Kill()
	trouble("a refresh without Postgres")
	page, _ = post("/oauth/authorize", url.Values{"client_id": {"spa"}})
	if page.status != 503 || page.header.Get("Retry-After") == "" {
		t.Errorf("the page without Postgres: %d", page.status)
	}
	pgServer.Restart(t)
	if got, body := post("/oauth/token", request); got.status != 200 {
		t.Errorf("the refresh afterwards: %d %v", got.status, body)
	}
}
