package browser_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"latchkey/internal/await"
	"latchkey/internal/testserver"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// site is the program with its own directory, as users reach it: by https.
type site struct {
	url string
	dir string // of the program
	// proxy serves the program, and a page of an app at /app.
	proxy http.Handler
	// drop reports which responses of the service are lost in transit.
	drop atomic.Pointer[func(*http.Request) bool]
	// seen counts the refreshes that reached the service.
	seen atomic.Int64
}

// serve builds and starts the program with settings in the form of variables.
func serve(t *testing.T, settings ...string) *site {
	t.Helper()
	return serveAt(t, "localhost", settings...)
}

// serveAt is serve for users who reach the service at a given host.
func serveAt(t *testing.T, host string, settings ...string) *site {
	t.Helper()
	dir := t.TempDir()
	program, err := testserver.Program()
	must(t, err)
	port, err := testserver.Port()
	must(t, err)
	s := &site{dir: dir}
	target := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(res *http.Response) error {
		if res.Request.URL.Path == "/api/users/refresh" {
			s.seen.Add(1)
		}
		if drop := s.drop.Load(); drop != nil && (*drop)(res.Request) {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	mux.HandleFunc("/app", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, appPage)
	})
	s.proxy = mux
	front := httptest.NewTLSServer(mux)
	t.Cleanup(front.Close)
	s.url = "https://" + host + ":" + portOf(front.URL)

	cmd := exec.Command(program, "serve")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LATCHKEY_SERVER_LISTEN="+target.Host, "LATCHKEY_SERVER_PUBLIC_URL="+s.url, "LATCHKEY_DEMO_ENABLED=on",
		"LATCHKEY_PASSWORD_BCRYPT_COST=10", "LATCHKEY_SERVER_TRUSTED_PROXIES=127.0.0.1/32", "LATCHKEY_LIMITS_SIGNUPS_PER_HOUR=0")
	cmd.Env = append(cmd.Env, settings...)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	await.Eventually(t, time.Minute, "the program is ready", func() bool {
		res, err := http.Get(target.String() + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return s
}

// appPage is a page that may be in a frame. Its function login logs in, and returns the status and the
// body of the login with the status of the next request. The page calls it for the page above.
const appPage = `<p>app</p><script>
	const login = (delivery) => fetch("/api/users/login", {method: "POST", credentials: "include",
		headers: {"Content-Type": "application/json", "X-Token-Delivery": delivery},
		body: JSON.stringify({username: "ada", password: "` + password + `"})}).then(async (r) =>
			r.status + " " + await r.text() + " then " + (await fetch("/api/users/me")).status);
	onmessage = async (e) => e.source.postMessage(await login(e.data), "*");
</script>`

// pass lets real time pass. The program is another process, and uses the clock of the machine.
func pass(d time.Duration) { <-time.After(d) }

func portOf(raw string) string {
	u, _ := url.Parse(raw) // httptest made it
	return u.Port()
}

// tab is a tab of a browser.
type tab struct {
	ctx        context.Context
	t          *testing.T
	complaints []string // of the console; read them after all actions
}

// browser starts a browser with its own profile, and returns its first tab.
func browser(t *testing.T) *tab {
	t.Helper()
	return open(t, context.Background(), chromedp.WithAllocatorOptions(chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("host-resolver-rules", "MAP *.example.test 127.0.0.1")))
}

// open opens a tab.
func open(t *testing.T, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	b := &tab{t: t}
	options = append(options, chromedp.WithListener(func(ev any) { b.complaints = append(b.complaints, complaint(ev)...) }))
	ctx, cancel := chromedp.NewContext(parent, options...)
	t.Cleanup(cancel)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("no browser (make servers installs Chromium): %v", err)
	}
	return b
}

// another opens a further tab of the same browser.
func (b *tab) another() *tab { return open(b.t, b.ctx) }

// do runs actions with a timeout of half a minute.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	value(b, chromedp.Steps(actions...))
}

// value runs an action and returns its value.
func value[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		says, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.getElementById("log")?.innerText ?? document.body.innerText`))
		b.t.Fatalf("%v\nthe page says: %.2000s", err, says)
	}
	return v
}

// call runs a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	return value(b, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// eval evaluates a script, which may return a promise.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	return value(b, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// until waits until a script returns true.
func (b *tab) until(script string) {
	b.t.Helper()
	value(b, chromedp.Poll[bool](script, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second)))
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

func typed(selector, text string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(chromedp.CSS(selector), text)
}

func visible(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(chromedp.CSS(selector))
}

// signUp creates an account with the form of the page, which also logs in.
func (b *tab) signUp(s *site) {
	b.t.Helper()
	b.do(chromedp.Navigate(s.url+"/demo"), typed("#signup-name", "ada"), typed("#signup-email", "ada@example.org"),
		typed("#signup-password", password), click("#signup button"), visible("#in"))
}

const password = "correct horse battery"

// cookies returns the cookie jar of the browser, by name.
func (b *tab) cookies(s *site) map[string]*network.Cookie {
	b.t.Helper()
	jar := map[string]*network.Cookie{}
	for _, c := range call(b, network.GetCookies, network.GetCookiesParams{URLs: []string{s.url + "/api/users/x"}}).Cookies {
		if jar[c.Name] != nil {
			b.t.Errorf("the jar has two cookies named %s", c.Name)
		}
		jar[c.Name] = c
	}
	return jar
}

// sessions returns the number of live sessions of the user.
func (b *tab) sessions() int {
	b.t.Helper()
	return eval[int](b, `fetch("/api/users/me/sessions").then((r) => r.json()).then((list) => list.sessions?.length ?? -1)`)
}

// shot saves a screenshot of the page in bin/screenshots.
func (b *tab) shot(name string, width, height int64) {
	b.t.Helper()
	dir := filepath.Join("..", "..", "..", "bin", "screenshots")
	must(b.t, os.MkdirAll(dir, 0o755))
	b.do(chromedp.EmulateViewport(width, height), chromedp.Sleep(200*time.Millisecond))
	png := value(b, chromedp.FullScreenshot(100))
	must(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
	b.do(chromedp.EmulateViewport(1280, 900))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
