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
