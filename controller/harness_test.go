package controller_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"latchkey/config"
	"latchkey/internal/app"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service/account"
	"latchkey/service/password"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// testClock is a clock that the test sets. With a skew it is the real clock plus the skew.
type testClock struct {
	mu   sync.Mutex
	now  time.Time
	real bool
	skew time.Duration
}

func newClock() *testClock { return &testClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real {
		return time.Now().Add(c.skew)
	}
	return c.now
}

func (c *testClock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// instance is the whole service except for the process: real router, services and store, behind
// a real listener.
type instance struct {
	*app.App
	public    *url.URL
	address   string
	leaks     *leaks
	described *described
	dataDir   string
}

const rootSecret = "a root secret for tests, 32 bytes or more"

// defaults are the settings in which the tests differ from the program: no limits, and the
// fastest signatures.
var defaults = []string{
	"server.public_url=http://localhost", "tokens.secret=" + rootSecret, "tokens.algorithm=HS256", "demo.enabled=off",
	"limits.login_account_address=0", "limits.login_account=0", "limits.login_address=0", "limits.login_client=0", "limits.login_device=0",
	"limits.logins_per_hour=0", "limits.signups_per_hour=0", "limits.login_max_delay=1m", "limits.login_forget=1h",
}

// loadSettings loads settings in the form key=value, as the program reads them from its file.
// If a key appears twice, the later value applies.
func loadSettings(t testing.TB, settings []string) (config.Config, error) {
	t.Helper()
	sections := map[string]map[string]string{}
	for _, s := range append(slices.Clone(defaults), settings...) {
		key, value, _ := strings.Cut(s, "=")
		section, name, _ := strings.Cut(key, ".")
		if sections[section] == nil {
			sections[section] = map[string]string{}
		}
		sections[section][name] = value
	}
	if sections["data"] == nil {
		sections["data"] = map[string]string{"dir": t.TempDir()}
	}
	text, err := yaml.Marshal(sections)
	must(t, err)
	file := filepath.Join(t.TempDir(), "latchkey.yaml")
	must(t, os.WriteFile(file, text, 0o600))
	return config.Load(file)
}

// start serves the store with settings in the form key=value.
func start(t testing.TB, store repository.Store, at *testClock, settings ...string) (*instance, error) {
	t.Helper()
	return startIn(t, app.Env{Now: at.Now, Stores: &app.Stores{Store: store, Mode: "test"}}, settings...)
}

// startIn serves the stores of an environment.
func startIn(t testing.TB, env app.Env, settings ...string) (*instance, error) {
	t.Helper()
	cfg, err := loadSettings(t, settings)
	if err != nil {
		return nil, err
	}
	cfg.Password.BcryptCost = 4 // the minimum of bcrypt; the rules do not depend on the cost
	watch := watchLeaks(t)
	env.Log = slog.New(slog.NewJSONHandler(watch, &slog.HandlerOptions{Level: slog.LevelDebug}))
	env.HashSlots, env.HashWait = 4, 10*time.Second  // a busy machine refuses no login
	env.Stores.Clock, env.Stores.TimeMark = nil, nil // there is no clock to compare a test's clock with
	service, err := app.New(t.Context(), cfg, env)
	if err != nil {
		return nil, err
	}
	t.Cleanup(service.Close)
	go service.Keys.RunUntil(t.Context()) // the ring does not follow a clock that a test moves
	public, served := cfg.Server.PublicURL, service.Handler()
	if public.Path != "" { // a proxy strips the path
		served = http.StripPrefix(public.Path, served)
	}
	server := httptest.NewUnstartedServer(served)
	if public.Scheme == "https" {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return &instance{
		App: service, public: public, address: server.Listener.Addr().String(),
		leaks: watch, described: describedBy(t, cfg), dataDir: cfg.Data.Dir,
	}, nil
}

// addAda creates the user of the tests.
func (i *instance) addAda(t *testing.T) {
	t.Helper()
	i.add(t, "ada")
}

func (i *instance) add(t *testing.T, name string) {
	t.Helper()
	i.addPrivileged(t, name, 0)
}

func (i *instance) addPrivileged(t *testing.T, name string, privilege int) {
	t.Helper()
	_, err := i.Accounts.CreateAsOperator(t.Context(), account.Registration{
		Username: name, Email: name + "@example.org", Password: password.New("correct horse"), Privilege: privilege,
	})
	must(t, err)
}

// client returns an HTTP client that reaches the instance by its public URL. A browser has a
// cookie jar.
func (i *instance) client(browser bool) *http.Client {
	c := &http.Client{Transport: i.described.through(i.leaks.through(&http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, i.address)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}))}
	if browser {
		c.Jar, _ = cookiejar.New(nil) // never fails
	}
	return c
}
