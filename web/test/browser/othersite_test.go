package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestLogin_PageOfAnotherSiteGetsTheReasonWhyCookiesFail uses the service on 127.0.0.1 from a page on
// localhost, which is another site to a browser. The browser would store the cookies but never
// send them back, so the login fails with the reason. A monitoring tool adds headers to each of
// its requests.
func TestLogin_PageOfAnotherSiteGetsTheReasonWhyCookiesFail(t *testing.T) {
	page := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<p>another site</p>")
	}))
	defer page.Close()
	origin := "https://localhost:" + portOf(page.URL)
	s := serveAt(t, "127.0.0.1", "LATCHKEY_CORS_ORIGINS="+origin, "LATCHKEY_TOKENS_DELIVERY=body")
	account(t, s, "ada")
	b := browser(t)
	b.do(chromedp.Navigate(origin))
	login := func(delivery string) string {
		return eval[string](b, fmt.Sprintf(`fetch(%q, {method: "POST", credentials: "include",
			headers: {"Content-Type": "application/json", "X-Token-Delivery": %q, traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
			body: JSON.stringify({username: "ada", password: %q})}).then(async (r) => r.status + " " + await r.text())`,
			s.url+"/api/users/login", delivery, password))
	}
	if got := login("cookie"); !strings.HasPrefix(got, "400 ") || !strings.Contains(got, "cookies.same_site") {
		t.Errorf("by cookies: %s", got)
	}
	if jar := b.cookies(s); len(jar) != 0 {
		t.Errorf("cookies that are never sent back: %v", jar)
	}
	if got := login("body"); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, "refreshToken") {
		t.Errorf("in the body: %s", got)
	}
	// Public documents are available to this page, too.
	if got := eval[int](b, fmt.Sprintf(`fetch(%q).then((r) => r.status)`, s.url+"/.well-known/jwks.json")); got != http.StatusOK {
		t.Errorf("the key set: %d", got)
	}
}

// TestLogin_PageOverHTTPGetsTheReasonWhyCookiesFail opens the page over http, while users reach the
// service over https. The browser would drop Secure cookies.
func TestLogin_PageOverHTTPGetsTheReasonWhyCookiesFail(t *testing.T) {
	s := serveAt(t, "auth.example.test")
	account(t, s, "ada")
	plain := httptest.NewServer(s.proxy)
	defer plain.Close()
	b := browser(t)
	b.do(chromedp.Navigate("http://auth.example.test:" + portOf(plain.URL) + "/app"))
	if got := eval[string](b, `login("cookie")`); !strings.HasPrefix(got, "400 ") || !strings.Contains(got, "over https") {
		t.Errorf("by cookies: %s", got)
	}
	if got := eval[string](b, `login("body")`); !strings.HasPrefix(got, "200 ") {
		t.Errorf("in the body: %s", got)
	}
	b.do(chromedp.Navigate(s.url + "/app"))
	if got := eval[string](b, `login("cookie")`); !strings.HasPrefix(got, "200 ") || !strings.HasSuffix(got, " then 200") {
		t.Errorf("over https: %s", got)
	}
	// Browsers keep Secure cookies of a loopback host.
	b.do(chromedp.Navigate("http://localhost:" + portOf(plain.URL) + "/app"))
	if got := eval[string](b, `login("cookie")`); !strings.HasPrefix(got, "200 ") || !strings.HasSuffix(got, " then 200") {
		t.Errorf("over http on localhost: %s", got)
	}
}

// TestLogin_PageInAFrameOfAnotherSiteGetsTheReasonWhyCookiesFail puts a page of the service's own
// origin into a frame of another site. Its requests are of the same origin, but have no cookies.
func TestLogin_PageInAFrameOfAnotherSiteGetsTheReasonWhyCookiesFail(t *testing.T) {
	for sameSite, want := range map[string][2]string{
		"default": {"400 ", "cookies.same_site"},
		"none":    {"200 ", " then 200"},
	} {
		t.Run(sameSite, func(t *testing.T) {
			s := serveAt(t, "auth.example.test", "LATCHKEY_COOKIES_SAME_SITE="+sameSite, "LATCHKEY_CORS_ORIGINS=https://app.example.test")
			account(t, s, "ada")
			above := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = fmt.Fprintf(w, `<iframe src="%s/app" onload="loaded = true"></iframe>`, s.url)
			}))
			defer above.Close()
			b := browser(t)
			b.do(chromedp.Navigate("https://localhost:" + portOf(above.URL)))
			b.until("window.loaded === true")
			login := func(delivery string) string {
				return eval[string](b, `new Promise((done) => { onmessage = (e) => done(e.data); frames[0].postMessage("`+delivery+`", "*"); })`)
			}
			if got := login("cookie"); !strings.HasPrefix(got, want[0]) || !strings.Contains(got, want[1]) {
				t.Errorf("by cookies: %s", got)
			}
			if got := login("body"); !strings.HasPrefix(got, "200 ") {
				t.Errorf("in the body: %s", got)
			}
		})
	}
}
