package browser_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestCookies_SubdomainCannotReplaceTheSession simulates an attacker with an account, and with
// a host next to the host of the service. The attacker's host sets refresh cookies of that
// account for all hosts of the domain, before and after the victim logs in.
func TestCookies_SubdomainCannotReplaceTheSession(t *testing.T) {
	s := serveAt(t, "auth.example.test")
	eve := account(t, s, "eve")
	evil := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, path := range []string{"/api/users", "/api/users/refresh", "/api/users/rtVerify", "/api/users/logout", "/"} {
			w.Header().Add("Set-Cookie", fmt.Sprintf("__Secure-refreshToken=%s; Domain=example.test; Path=%s; Secure", eve["__Secure-refreshToken"], path))
		}
		w.Header().Add("Set-Cookie", fmt.Sprintf("__Host-session=%s; Domain=example.test; Path=/; Secure", eve["__Host-session"]))
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<p>evil</p>")
	}))
	defer evil.Close()
	toss := func(b *tab) { b.do(chromedp.Navigate("https://evil.example.test:" + portOf(evil.URL))) }
	const who = `fetch("/api/users/refresh", {method: "POST"}).then(async (r) => r.status + " " + ((await r.json()).username ?? ""))`

	b := browser(t)
	toss(b)
	b.do(chromedp.Navigate(s.url + "/demo"))
	if got := eval[string](b, who); strings.Contains(got, "eve") || !strings.HasPrefix(got, "401") {
		t.Errorf("before any log-in, a refresh answers %q", got)
	}
	b.signUp(s)
	if got := eval[string](b, who); got != "200 ada" {
		t.Errorf("after the log-in a refresh answers %q", got)
	}
	toss(b)
	b.do(chromedp.Navigate(s.url+"/demo"), visible("#in"))
	if got := eval[string](b, who); got != "200 ada" {
		t.Errorf("after the attack a refresh answers %q", got)
	}
	if n := b.sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
	if status := eval[int](b, `fetch("/api/users/logout", {method: "POST"}).then((r) => r.status)`); status != http.StatusNoContent {
		t.Fatalf("log-out: %d", status)
	}
	if got := eval[string](b, who); !strings.HasPrefix(got, "401") {
		t.Errorf("after the log-out a refresh answers %q", got)
	}
	// The victim's session is over. After a new login, the list contains only the new session.
	const login = `fetch("/api/users/login", {method: "POST", headers: {"Content-Type": "application/json"},
		body: JSON.stringify({username: "ada", password: "` + password + `"})}).then((r) => r.status)`
	if status := eval[int](b, login); status != http.StatusOK {
		t.Fatalf("log-in: %d", status)
	}
	if n := b.sessions(); n != 1 {
		t.Errorf("%d sessions of the victim after log-out and log-in, want 1", n)
	}
}

// account creates an account without a browser, and returns its cookies.
func account(t *testing.T, s *site, name string) map[string]string {
	t.Helper()
	u, err := url.Parse(s.url)
	must(t, err)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: insecure,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+u.Port())
		},
	}}
	jar := map[string]string{}
	for _, call := range []string{"", "/login"} {
		body := fmt.Sprintf(`{"username":%q,"email":"%s@example.org","password":%q}`, name, name, password)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/users"+call, strings.NewReader(body))
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Token-Delivery", "cookie")
		res, err := client.Do(req)
		must(t, err)
		_ = res.Body.Close()
		if res.StatusCode >= 300 {
			t.Fatalf("%s: %d", call, res.StatusCode)
		}
		for _, c := range res.Cookies() {
			jar[c.Name] = c.Value
		}
	}
	return jar
}
