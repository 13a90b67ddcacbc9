package browser_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"latchkey/internal/await"
)

var insecure = &tls.Config{InsecureSkipVerify: true}

const (
	tabs   = 6
	rounds = 20
)

// naive is the script of a page without this client: it has no lock and takes no care.
const naive = `(async () => {
	const me = () => fetch("/api/users/me").then((r) => r.status);
	if (await me() === 200) return 200;
	const refreshed = await fetch("/api/users/refresh", {method: "POST"}).then((r) => r.status);
	return refreshed === 200 ? me() : refreshed;
})()`

// expire replaces the access cookie by an expired cookie.
const expire = `fetch("/demo/expire", {method: "POST"}).then((r) => r.status)`

// withoutLocks imitates an old browser.
const withoutLocks = `Object.defineProperty(navigator, "locks", {value: undefined})`

// TestRefresh_TabsThatReloadTogetherStayLoggedIn reloads several tabs after the access token
// has expired. Each round uses this client, this client in a browser without locks, or pages
// that take no care at all.
func TestRefresh_TabsThatReloadTogetherStayLoggedIn(t *testing.T) {
	// Between two rounds more than twice the grace time passes, so that each round rotates a token.
	s := serve(t, "LATCHKEY_REFRESH_GRACE=1s")
	b := browser(t)
	b.signUp(s)
	all := []*tab{b}
	for len(all) < tabs {
		all = append(all, b.another())
	}
	var forced atomic.Int64
	kinds := []string{"client", "client without locks", "no client"}
	refreshes := map[string]int64{}
	for round := range rounds {
		kind := kinds[round%len(kinds)]
		pass(2 * time.Second)
		if status := eval[int](b, expire); status != http.StatusNoContent {
			t.Fatalf("round %d: the token was not expired: %d", round, status)
		}
		before := s.seen.Load()
		var together sync.WaitGroup
		for i, tab := range all {
			together.Go(func() {
				switch kind {
				case "no client":
					tab.do(chromedp.Navigate(s.url + "/demo/demo.css"))
					if status := eval[int](tab, naive); status != http.StatusOK {
						forced.Add(1)
						t.Errorf("round %d, tab %d: %d", round, i, status)
					}
				default:
					if kind == "client without locks" {
						old := call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: withoutLocks})
						defer call(tab, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams(old))
					}
					tab.do(chromedp.Navigate(s.url + "/demo"))
					tab.until(`!document.getElementById("in").hidden && /users.me: 200/.test(document.getElementById("log").innerText) || !document.getElementById("out").hidden`)
					out := eval[bool](tab, `!document.getElementById("out").hidden`)
					if out {
						forced.Add(1)
						t.Errorf("round %d, tab %d, %s: logged out: %s", round, i, kind, eval[string](tab, `document.getElementById("log").innerText`))
					}
				}
			})
		}
		together.Wait()
		refreshes[kind] += s.seen.Load() - before
	}
	jar := b.cookies(s)
	live := b.sessions()
	t.Logf("%d tabs x %d rounds: forced logouts = %d, live sessions at the end = %d, refreshes %v", tabs, rounds, forced.Load(), live, refreshes)
	if live != 1 || jar["__Secure-refreshToken"] == nil {
		t.Errorf("%d live sessions, cookies %d", live, len(jar))
	}
	// The last token in the jar is the current token.
	pass(time.Second)
	if status := eval[int](b, `fetch("/api/users/refresh", {method: "POST"}).then((r) => r.status)`); status != http.StatusOK || b.sessions() != 1 {
		t.Error("the session is over")
	}
}

// TestRefresh_AStoppedTabDoesNotStopAnother lets a tab hold the lock, or the lease in
// localStorage, while a dialog is open, which stops its script like a debugger or a frozen tab.
func TestRefresh_AStoppedTabDoesNotStopAnother(t *testing.T) {
	for kind, hold := range map[string]string{
		"lock": `void navigator.locks.request("latchkey:/api", () => alert("stopped"))`,
		"lease": `localStorage.setItem("latchkey:/api:lock", "stopped " + (Date.now() + 3000)),
			setTimeout(() => alert("stopped")), 0`,
	} {
		t.Run(kind, func(t *testing.T) {
			s := serve(t)
			b := browser(t)
			b.signUp(s)
			stopped := b.another()
			if kind == "lease" {
				call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: withoutLocks})
				b.do(chromedp.Navigate(s.url+"/demo"), visible("#in"))
			}
			stopped.do(chromedp.Navigate(s.url + "/demo/demo.css"))
			eval[int](b, expire)
			b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("log").replaceChildren()`))
			stopped.do(chromedp.Evaluate[chromedp.Void](hold))
			begin := time.Now()
			b.do(click("#ask"))
			b.until(`/users.me: 200[^]*users.refresh: 200[^]*users.me: 401/.test(document.getElementById("log").innerText)`)
			t.Logf("refreshed after %v", time.Since(begin))
		})
	}
}

// TestRefresh_RetryAfterALostAnswerSucceeds drops the response to a refresh. The next refresh
// succeeds.
func TestRefresh_RetryAfterALostAnswerSucceeds(t *testing.T) {
	s := serve(t, "LATCHKEY_REFRESH_GRACE=500ms")
	b := browser(t)
	b.signUp(s)
	pass(time.Second)
	var dropped atomic.Int64
	drop := func(r *http.Request) bool { return r.URL.Path == "/api/users/refresh" && dropped.Add(1) == 1 }
	s.drop.Store(&drop)
	eval[int](b, expire)
	b.do(click("#ask"))
	// Either the browser or the client retries the request.
	b.until(`/users.me: 200[^]*users.refresh: 200 (replayed|recovered)[^]*users.me: 401/.test(document.getElementById("log").innerText)`)
	if dropped.Load() < 2 {
		t.Errorf("%d refreshes", dropped.Load())
	}
	if n := b.sessions(); n != 1 {
		t.Errorf("%d live sessions", n)
	}
}

// TestLogout_ReachesAllTabs ends the session in one of three tabs.
func TestLogout_ReachesAllTabs(t *testing.T) {
	s := serve(t)
	b := browser(t)
	b.signUp(s)
	others := []*tab{b.another(), b.another()}
	for _, o := range others {
		o.do(chromedp.Navigate(s.url+"/demo"), visible("#in"))
	}
	b.do(click("#logout"), visible("#out"))
	for _, o := range others {
		o.do(visible("#out"))
	}
	if jar := b.cookies(s); jar["__Host-accessToken"] != nil || jar["__Secure-refreshToken"] != nil || jar["__Host-deviceToken"] == nil {
		t.Errorf("cookies after a logout: %v", names(jar))
	}
	// A login reaches all tabs as well.
	others[0].do(
		typed("#login-name", "ada"), typed("#login-password", password),
		click("#login button"), visible("#in"),
	)
	b.do(visible("#in"))
}

// TestCookies_HaveTheirAttributes reads the jar, and checks that a script cannot read it.
func TestCookies_HaveTheirAttributes(t *testing.T) {
	s := serve(t)
	b := browser(t)
	b.signUp(s)
	for name, want := range map[string]struct {
		path     string
		sameSite network.CookieSameSite
	}{
		"__Host-accessToken":    {"/", network.CookieSameSiteLax},
		"__Secure-refreshToken": {"/api/users", network.CookieSameSiteStrict},
		"__Host-deviceToken":    {"/", network.CookieSameSiteLax},
	} {
		c := b.cookies(s)[name]
		if c == nil || !c.HTTPOnly || !c.Secure || c.Session || c.Path != want.path || c.SameSite != want.sameSite || c.Domain != "localhost" {
			t.Errorf("%s: %+v", name, c != nil)
		}
	}
	if seen := eval[string](b, "document.cookie + JSON.stringify(localStorage)"); strings.Contains(seen, "Token=") || strings.Contains(seen, "eyJ") {
		t.Error("a script can read a token")
	}
}

// TestCSRF_OtherSitesCannotWrite submits forms from another site, with the cookies that the
// browser adds.
func TestCSRF_OtherSitesCannotWrite(t *testing.T) {
	s := serve(t)
	evil := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<form method=post action="%s%s"><button>win</button></form>`, s.url, r.URL.Path)
	}))
	t.Cleanup(evil.Close)
	b := browser(t)
	b.signUp(s)
	refused := 0
	for _, path := range []string{"/api/users/logout", "/api/users/refresh", "/api/users/rtVerify", "/demo/expire", "/api/users/me/password"} {
		b.do(chromedp.Navigate("https://127.0.0.1:"+portOf(evil.URL)+path), click("button"))
		if body := b.arrivedAt("localhost"); !strings.Contains(body, `"status":4`) {
			t.Errorf("%s from another site: %.300s", path, body)
		} else {
			refused++
		}
	}
	b.do(chromedp.Navigate(s.url+"/demo"), visible("#in"))
	if n := b.sessions(); n != 1 {
		t.Errorf("%d live sessions", n)
	}
	t.Logf("forms of another site: %d of 5 refused", refused)
}

// arrivedAt returns the text of the page of a host, once the browser has loaded it.
func (b *tab) arrivedAt(host string) string {
	b.t.Helper()
	var text string
	await.Eventually(b.t, time.Minute, "the browser arrives at "+host, func() (ok bool) {
		var err error // an evaluation fails while the page loads
		text, err = chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.hostname === "`+host+`" && document.readyState === "complete" ? document.body.innerText : ""`))
		return err == nil && text != ""
	})
	return text
}

func names(jar map[string]*network.Cookie) (list []string) {
	for name := range jar {
		list = append(list, name)
	}
	return list
}

// complaint returns an unexpected message of the console: a resource that the policy blocked,
// or an exception of the page. Responses of 4xx are expected, because the page demonstrates
// them.
func complaint(ev any) []string {
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		return []string{ev.ExceptionDetails.Text}
	case *log.EventEntryAdded:
		if ev.Entry.Source != log.EntrySourceNetwork {
			return []string{ev.Entry.Text}
		}
	}
	return nil
}
