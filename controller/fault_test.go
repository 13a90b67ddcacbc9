package controller_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/await"
	"latchkey/internal/testserver"
	"latchkey/repository/postgres"
	"latchkey/repository/redis"
)

// TestStoreDown_KeepsUsersLoggedIn stops each store under a running service. Routes that need the
// store respond with 503 and Retry-After and leave the cookies alone. Access checks continue.
// Everything works again within 5 seconds of the store's return.
func TestStoreDown_KeepsUsersLoggedIn(t *testing.T) {
	pgServer, rdServer := testserver.StartPostgres(t), testserver.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	instance, clock := startOn(t, pgServer, rdServer)
	browser := &user{t: t, base: instance.public.String(), client: instance.client(true)}
	if got := browser.send("POST", "/api/users/login", `{"username":"ada","password":"correct horse"}`); got.status != 200 {
		t.Fatalf("login: %d %s", got.status, got.body)
	}

	for _, store := range []struct {
		name          string
		stop, restart func()
		refuses       []string
		serves        map[string]int
	}{
		{
			"redis", rdServer.Kill, func() { rdServer.Restart(t) },
			[]string{"/api/users/refresh", "/api/users/rtVerify", "/api/users/login"},
			map[string]int{"/api/users/me": 200, "/livez": 200, "/readyz": 200, "/readyz?stores=1": 503, "/": 503},
		},
		{
			"postgres", pgServer.Kill, func() { pgServer.Restart(t) },
			[]string{"/api/users/refresh", "/api/users/rtVerify", "/api/users/login", "/api/users/logout", "/api/users"},
			// The guard accepts a valid token; then the handler finds that the store is
			// unavailable.
			map[string]int{"/api/users/me": 503, "/api/users/nothing": 404, "/livez": 200, "/readyz": 200, "/readyz?stores=1": 503, "/": 503},
		},
	} {
		t.Run(store.name, func(t *testing.T) {
			clock.Add(time.Minute)
			store.stop()
			for _, path := range store.refuses {
				body := `{"username":"ada","email":"b@example.org","password":"correct horse"}`
				if strings.HasSuffix(path, "refresh") || strings.HasSuffix(path, "rtVerify") || strings.HasSuffix(path, "logout") {
					body = ""
				}
				got := browser.send("POST", path, body)
				if got.status != 503 || got.header.Get("Retry-After") == "" || got.error() != "store_unavailable" {
					t.Errorf("%s: %d %s, Retry-After %q", path, got.status, got.body, got.header.Get("Retry-After"))
				}
				if c := got.header.Values("Set-Cookie"); len(c) > 0 {
					t.Errorf("%s touched the cookies: %q", path, c)
				}
				for _, secret := range []string{"dial", "127.0.0.1", "postgres", "refused"} {
					if strings.Contains(got.body, secret) {
						t.Errorf("%s tells %q: %s", path, secret, got.body)
					}
				}
			}
			if store.serves["/api/users/me"] == 503 { // the write to the database is the end; the refresh below shows that nothing was half done
				if got := browser.send("DELETE", "/api/users/me", `{"currentPassword":"correct horse"}`); got.status != 503 || len(got.header.Values("Set-Cookie")) > 0 {
					t.Errorf("the end of the account: %d %s", got.status, got.body)
				}
			}
			for path, want := range store.serves {
				if got := browser.send("GET", path, ""); got.status != want {
					t.Errorf("%s: %d, want %d", path, got.status, want)
				}
			}
			stranger := &user{t: t, base: instance.public.String(), client: instance.client(false)}
			if got := stranger.send("GET", "/api/users/me", ""); got.status != 401 {
				t.Errorf("no access token: %d, want 401", got.status)
			}
			store.restart()
			back := time.Now()
			await.Eventually(t, 5*time.Second, "a refresh after the store's return", func() bool {
				return browser.send("POST", "/api/users/refresh", "").status == 200
			})
			t.Logf("refreshes again %s after the return of %s", time.Since(back).Round(time.Millisecond), store.name)
		})
	}
	if got := browser.send("POST", "/api/users/logout", ""); got.status != 204 {
		t.Errorf("logout: %d %s", got.status, got.body)
	}
}

// busy is the delay that a machine which runs other tests may add to a response. It keeps the
// test from waiting forever if the service has no limit.
const busy = 10 * time.Second

// TestStoreHangs_RequestsAreAnsweredInTime suspends the servers: connections stay open, and
// nothing answers.
func TestStoreHangs_RequestsAreAnsweredInTime(t *testing.T) {
	pgServer, rdServer := testserver.StartPostgres(t), testserver.StartRedis(t)
	instance, _ := startOn(t, pgServer, rdServer)
	browser := &user{t: t, base: instance.public.String(), client: instance.client(true)}
	browser.send("POST", "/api/users/login", `{"username":"ada","password":"correct horse"}`)
	for name, c := range map[string]struct {
		server *testserver.Process
		limit  time.Duration
		status string
	}{
		"redis":    {rdServer.Process, 2 * time.Second, `"database":"OK","redis":"unavailable"`},
		"postgres": {pgServer.Process, 3 * time.Second, `"database":"unavailable","redis":"OK"`},
	} {
		c.server.Hang()
		begun := time.Now()
		got := browser.send("POST", "/api/users/refresh", "")
		took := time.Since(begun)
		var crowd sync.WaitGroup
		next := time.NewTicker(5 * time.Millisecond)
		for range 100 {
			<-next.C
			crowd.Go(func() {
				begun := time.Now()
				got := browser.send("POST", "/api/users/refresh", "")
				if took := time.Since(begun); got.status != 503 || took > c.limit+busy {
					t.Errorf("%s hangs: one of many: %d after %s", name, got.status, took)
				}
			})
		}
		next.Stop()
		crowd.Wait()
		ready := browser.send("GET", "/readyz", "")
		c.server.Resume()
		t.Logf("%s hangs: a refresh is answered after %s", name, took.Round(time.Millisecond))
		if got.status != 503 || took > c.limit+busy {
			t.Errorf("%s hangs: %d after %s, want 503 within %s", name, got.status, took, c.limit)
		}
		if !strings.Contains(ready.body, c.status) {
			t.Errorf("%s hangs: readiness is %s", name, ready.body)
		}
		await.Eventually(t, 5*time.Second, "a refresh after "+name+" goes on", func() bool {
			return browser.send("POST", "/api/users/refresh", "").status == 200
		})
	}
}

// startOn starts an instance, with a user ada, on servers that the test may stop.
func startOn(t *testing.T, pgServer *testserver.PostgresServer, rdServer *testserver.RedisServer) (*instance, *testClock) {
	t.Helper()
	pg, err := postgres.Open(t.Context(), pgServer.URL, postgres.Options{})
	must(t, err)
	t.Cleanup(func() { _ = pg.Close() })
	_, err = pg.Migrate(t.Context())
	must(t, err)
	rd, err := redis.Open(rdServer.URL, redis.Options{})
	must(t, err)
	t.Cleanup(func() { _ = rd.Close() })
	clock := newClock()
	instance, err := start(t, rd.Store(pg.Store()), clock)
	must(t, err)
	instance.addAda(t)
	return instance, clock
}

// TestEnd_HoldsWhileRedisIsDown ends a session, and then the account, while Redis is unavailable.
// The database records it, so the sessions are refused once Redis is back, although Redis has no
// tombstones.
func TestEnd_HoldsWhileRedisIsDown(t *testing.T) {
	rdServer := testserver.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	store := testserver.PostgresRedisStore(t)
	rd, err := redis.Open(rdServer.URL, redis.Options{})
	must(t, err)
	t.Cleanup(func() { _ = rd.Close() })
	store.Sessions, store.SessionStore = rd, rd
	instance, err := start(t, store, newClock())
	must(t, err)
	instance.addAda(t)
	app := &user{t: t, base: instance.public.String(), client: instance.client(false)}
	browser := &user{t: t, base: instance.public.String(), client: instance.client(true)}
	const login = `{"username":"ada","password":"correct horse"}`
	var ended, deleted struct{ RefreshToken string }
	for _, tokens := range []any{&ended, &deleted} {
		must(t, json.Unmarshal([]byte(app.send("POST", "/api/users/login", login).body), tokens))
	}
	browser.send("POST", "/api/users/login", login)
	body := func(token string) string { return fmt.Sprintf(`{"refreshToken":%q}`, token) }

	for _, end := range []struct {
		name  string
		end   func() answer
		token string
	}{
		{"logout", func() answer { return app.send("POST", "/api/users/logout", body(ended.RefreshToken)) }, ended.RefreshToken},
		{"the end of the account", func() answer {
			return browser.send("DELETE", "/api/users/me", `{"currentPassword":"correct horse"}`)
		}, deleted.RefreshToken},
	} {
		rdServer.Kill()
		if got := end.end(); got.status != 204 {
			t.Fatalf("%s: %d %s", end.name, got.status, got.body)
		}
		rdServer.Restart(t)
		if got := app.send("POST", "/api/users/refresh", body(end.token)); got.status != 401 || got.error() != "session_revoked" {
			t.Errorf("refresh after %s: %d %s", end.name, got.status, got.body)
		}
	}
}

// user sends requests and reads complete responses.
type user struct {
	t      *testing.T
	base   string
	client *http.Client
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (u *user) send(method, path, body string) answer {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.t.Context(), method, u.base+path, bytes.NewBufferString(body))
	must(u.t, err)
	req.Header.Set("Content-Type", "application/json")
	if u.client.Jar != nil {
		req.Header.Set("Sec-Fetch-Mode", "cors")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := u.client.Do(req)
	must(u.t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	must(u.t, err)
	return answer{res.StatusCode, res.Header, string(b)}
}

func (a answer) error() string {
	var p struct{ Error string }
	_ = json.Unmarshal([]byte(a.body), &p) // a body that is no problem document is not an error
	return p.Error
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
