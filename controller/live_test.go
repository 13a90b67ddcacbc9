package controller_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"latchkey/controller"
	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/redis"
	"latchkey/service/audit"
)

// exempt lists the routes that need no live session: routes without authentication, routes that
// require another proof, and routes that authenticate an OAuth client.
var exempt = []string{
	"GET /", "GET /livez", "GET /readyz", "GET /openapi.yaml", "GET /docs", "GET /docs/docs.css",
	"GET /demo", "GET /demo/client.js", "GET /demo/demo.js", "GET /demo/demo.css",
	"GET /.well-known/jwks.json", "GET /.well-known/oauth-authorization-server",
	"GET /oauth/authorize", "POST /oauth/authorize", "* /oauth/token", "* /oauth/revoke", "* /oauth/introspect",
	"POST /api/users/login", "POST /api/users/refresh", "POST /api/users/rtVerify", "GET /api/users/rtVerify",
	"POST /api/users/logout", "POST /api/users/password-strength",
	"GET /api/users/verify-email", "POST /api/users/verify-email", "GET /api/users/forgot-password", "POST /api/users/forgot-password",
	"GET /api/users/reset-password", "POST /api/users/reset-password", "GET /api/users/undo-email", "POST /api/users/undo-email",
}

// admin is an administrator with an access token.
type admin struct {
	id, session, access, refresh string
}

func (i *instance) logInAdmin(t *testing.T, name string) admin {
	t.Helper()
	got := i.send(t, "POST", "/api/users/login", "", `{"username":"`+name+`","password":"correct horse"}`)
	var body struct{ ID, AccessToken, RefreshToken string }
	must(t, json.Unmarshal([]byte(got.body), &body))
	return admin{id: body.ID, session: sidOf(t, body.RefreshToken), access: body.AccessToken, refresh: body.RefreshToken}
}

// send sends a request with an access token in a header, like a mobile client.
func (i *instance) send(t *testing.T, method, path, access, body string) answer {
	t.Helper()
	client := i.client(false)
	client.Transport = withHeader{"Authorization", access, client.Transport}
	return (&user{t: t, base: i.public.String(), client: client}).send(method, path, body)
}

// withHeader adds a header with a bearer token to each request, if there is a token.
type withHeader struct {
	name, value string
	next        http.RoundTripper
}

func (h withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.value != "" {
		r = r.Clone(r.Context())
		r.Header.Set(h.name, "Bearer "+h.value)
	}
	return h.next.RoundTrip(r)
}

// endings are the ways in which the session of an administrator can end. Some of them use a
// second session of the same administrator, which continues.
var endings = map[string]func(t *testing.T, i *instance, store repository.Store, a admin){
	"logout": func(t *testing.T, i *instance, _ repository.Store, a admin) {
		if got := i.send(t, "POST", "/api/users/logout", "", `{"refreshToken":"`+a.refresh+`"}`); got.status != 204 {
			t.Fatalf("logout: %d %s", got.status, got.body)
		}
	},
	"password change": func(t *testing.T, i *instance, store repository.Store, a admin) {
		u, err := store.Users.FindUserByID(t.Context(), a.id)
		must(t, err)
		second := i.logInAdmin(t, u.Username)
		if got := i.send(t, "POST", "/api/users/me/password", second.access, `{"currentPassword":"correct horse","newPassword":"battery staple"}`); got.status != 204 {
			t.Fatalf("password: %d %s", got.status, got.body)
		}
		if got := i.send(t, "GET", "/api/users/me", second.access, ""); got.status != 200 {
			t.Errorf("the session that changed the password: %d %s", got.status, got.body)
		}
	},
	"the list of sessions": func(t *testing.T, i *instance, store repository.Store, a admin) {
		u, err := store.Users.FindUserByID(t.Context(), a.id)
		must(t, err)
		second := i.logInAdmin(t, u.Username)
		if got := i.send(t, "DELETE", "/api/users/me/sessions", second.access, ""); got.status != 204 {
			t.Fatalf("end the others: %d %s", got.status, got.body)
		}
		if got := i.send(t, "GET", "/api/users/me", second.access, ""); got.status != 200 {
			t.Errorf("the session that ended the others: %d %s", got.status, got.body)
		}
	},
	"disable": func(t *testing.T, i *instance, _ repository.Store, a admin) {
		apptest.Disable(t, i.Directory, a.id, true)
	},
	"disable and enable": func(t *testing.T, i *instance, _ repository.Store, a admin) {
		apptest.Disable(t, i.Directory, a.id, true)
		apptest.Disable(t, i.Directory, a.id, false)
	},
	"revoke --all": func(t *testing.T, i *instance, _ repository.Store, _ admin) {
		_, err := i.Sessions.RevokeEveryone(t.Context(), audit.Origin{})
		must(t, err)
	},
}

// TestRevokedSession_CannotActWithItsAccessToken walks the route table with the access token of
// an administrator whose session has ended. Every route that is not exempt refuses the token,
// for each way of ending, and also while Redis is down.
func TestRevokedSession_CannotActWithItsAccessToken(t *testing.T) {
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			store := set.Open(t)
			i, err := start(t, store, newClock())
			must(t, err)
			i.addPrivileged(t, "root", 2)
			for how, end := range endings {
				t.Run(how, func(t *testing.T) {
					name := strings.NewReplacer(" ", "", "-", "").Replace(how)
					i.addPrivileged(t, name, 2)
					a := i.logInAdmin(t, name)
					end(t, i, store, a)
					i.walk(t, a)
				})
			}
		})
	}
	t.Run("Redis down", func(t *testing.T) {
		rdServer := testserver.StartRedis(t)
		store := testserver.PostgresRedisStore(t)
		rd, err := redis.Open(rdServer.URL, redis.Options{})
		must(t, err)
		t.Cleanup(func() { _ = rd.Close() })
		store.Sessions, store.SessionStore, store.Limits = rd, rd, rd
		i, err := start(t, store, newClock())
		must(t, err)
		i.addPrivileged(t, "root", 2)
		ended := map[string]admin{}
		for how, end := range endings {
			name := strings.NewReplacer(" ", "", "-", "").Replace(how)
			i.addPrivileged(t, name, 2)
			ended[how] = i.logInAdmin(t, name)
			end(t, i, store, ended[how])
		}
		i.addPrivileged(t, "grace", 2)
		live := i.logInAdmin(t, "grace")
		rdServer.Kill()
		for how, a := range ended {
			t.Run(how, func(t *testing.T) { i.walk(t, a) })
		}
		if got := i.send(t, "GET", "/api/users/me", live.access, ""); got.status != 200 {
			t.Errorf("a live session: %d %s", got.status, got.body)
		}
	})
}

// walk sends the access token to every route that is not exempt.
func (i *instance) walk(t *testing.T, a admin) {
	t.Helper()
	walked := 0
	for _, r := range controller.EngineOf(i.Handler()).Routes() {
		if slices.Contains(exempt, r.Method+" "+r.Path) || slices.Contains(exempt, "* "+r.Path) || r.Method == http.MethodOptions {
			continue
		}
		walked++
		path := strings.ReplaceAll(r.Path, ":id", a.session)
		got := i.send(t, r.Method, path, a.access, `{"username":"eve","email":"eve@example.org","password":"correct horse","privilege":2,
			"grants":["client_credentials"],"currentPassword":"correct horse","newPassword":"another horse"}`)
		if got.error() != "session_revoked" && got.error() != "account_disabled" {
			t.Errorf("%s %s: %d %s", r.Method, r.Path, got.status, got.body)
		}
	}
	if walked < 13 {
		t.Errorf("the walk met %d routes", walked)
	}
}

// sidOf returns the sid of a JWT.
func sidOf(t *testing.T, token string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	var claims struct{ SID string }
	must(t, json.Unmarshal(payload, &claims))
	return claims.SID
}
