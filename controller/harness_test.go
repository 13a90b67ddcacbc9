package controller_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/controller"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/health"
	"latchkey/service/jose"
	"latchkey/service/keys"
	"latchkey/service/login"
	"latchkey/service/oauth"
	"latchkey/service/password"
	"latchkey/service/secret"
	"latchkey/service/session"
	"latchkey/service/token"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// testClock is the time that a test sets, or with a skew the real one.
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

// instance is the whole service but for the process: real router, services and
// store, behind a real listener.
type instance struct {
	accounts *account.Service
	sessions *session.Service
	clients  *oauth.Clients
	keys     *keys.Ring
	public   *url.URL
	address  string
	leaks    *leaks
	handler  http.Handler

	described *described
}

const rootSecret = "a root secret for tests, 32 bytes or more"

// start serves the store with settings as a file would have them, key=value.
func start(t testing.TB, store repository.Store, at *testClock, settings ...string) (*instance, error) {
	public := &url.URL{Scheme: "http", Host: "localhost"}
	watch := watchLeaks(t)
	logger := slog.New(slog.NewJSONHandler(watch, &slog.HandlerOptions{Level: slog.LevelDebug}))
	policy := session.Policy{
		Rotate: true, Sliding: true, IdleTTL: 14 * 24 * time.Hour, AbsoluteTTL: 30 * 24 * time.Hour,
		Grace: 10 * time.Second, Recovery: 24 * time.Hour, MaxSessions: 50, HeaderKeeps: true,
	}
	var limits login.Limits // none
	keyPolicy := keys.Policy{Algorithm: jose.HS256, Publish: 5 * time.Minute, Poll: time.Second}
	accessTTL, signup, reveal := 10*time.Minute, true, false
	o := controller.Options{BasePath: "/api", Delivery: "auto", RequestTimeout: 5 * time.Second, Log: logger}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		var err error
		switch key {
		case "server.public_url":
			public, err = url.Parse(value)
		case "server.base_path":
			o.BasePath = value
		case "server.trusted_proxies":
			o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(value)}
		case "limits.login": // free failures of account and address, account, address, client, device
			n := [5]int{}
			for i, text := range strings.Split(value, ",") {
				if n[i], err = strconv.Atoi(text); err != nil {
					return nil, err
				}
			}
			rule := func(free int) login.LimitRule {
				return login.LimitRule{Free: free, Base: time.Second, Max: time.Minute, Forget: time.Hour}
			}
			limits = login.Limits{AccountAddress: rule(n[0]), Account: rule(n[1]), Address: rule(n[2]), Client: rule(n[3]), Device: rule(n[4])}
		case "limits.logins_per_hour":
			var n int
			n, err = strconv.Atoi(value)
			limits.Logins = login.LimitRule{Free: n, Base: time.Second, Max: time.Minute, Forget: time.Hour}
		case "limits.signups_per_hour":
			o.SignupsPerHour, err = strconv.Atoi(value)
		case "limits.requests_per_second":
			o.RequestsPerSecond, err = strconv.Atoi(value)
		case "tokens.issuer":
			o.Issuer = value
		case "tokens.delivery":
			o.Delivery = value
		case "tokens.access_ttl":
			accessTTL, err = time.ParseDuration(value)
		case "refresh.rotate":
			policy.Rotate, err = strconv.ParseBool(value)
		case "refresh.sliding":
			policy.Sliding, err = strconv.ParseBool(value)
		case "refresh.preset":
			policy.Grace, policy.Recovery = 0, 0 // strict is the only other one
		case "refresh.max_sessions":
			policy.MaxSessions, err = strconv.Atoi(value)
		case "refresh.header_rtverify":
			policy.HeaderKeeps, err = strconv.ParseBool(value)
		case "refresh.idle_ttl":
			policy.IdleTTL, err = time.ParseDuration(value)
		case "refresh.absolute_ttl":
			policy.AbsoluteTTL, err = time.ParseDuration(value)
		case "keys.poll": // how soon replicas know of a key; no setting of the program
			keyPolicy.Poll, err = time.ParseDuration(value)
		case "keys.publish":
			keyPolicy.Publish, err = time.ParseDuration(value)
		case "tokens.algorithm":
			if keyPolicy.Algorithm = ""; value != "auto" {
				keyPolicy.Algorithm, err = jose.ParseAlgorithm(value)
			}
		case "signup.enabled":
			signup, err = strconv.ParseBool(value)
		case "login.reveal_unknown_user":
			reveal, err = strconv.ParseBool(value)
		case "cors.origins":
			o.Origins = strings.Split(value, ",")
		case "cookies.domain":
			o.CookieDomain = value
		case "cookies.prefix":
			o.CookiePrefix = value
		case "cookies.same_site":
			o.SameSite = value
		case "cookies.legacy": // name;domain=example.org;path=/
			for _, text := range strings.Split(value, ",") {
				name, attributes, _ := strings.Cut(text, ";")
				c, err := http.ParseSetCookie(name + "=;" + attributes)
				if err != nil {
					return nil, err
				}
				if c.Path == "" {
					c.Path = "/"
				}
				o.LegacyCookies = append(o.LegacyCookies, *c)
			}
		case "errors.status":
			o.Statuses = map[string]int{}
			for _, pair := range strings.Split(value, ",") {
				code, status, _ := strings.Cut(pair, ":")
				if o.Statuses[code], err = strconv.Atoi(status); err != nil {
					return nil, err
				}
			}
		default:
			return nil, fmt.Errorf("the harness knows no setting %q", key)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	// The clock of a test has nothing to be compared with.
	trusted := clock.New(nil, nil, policy.Grace, at.Now, logger)
	root, err := secret.New([]byte(rootSecret))
	if err != nil {
		return nil, err
	}
	audit := audit.NewLog(store.Audits, logger)
	hasher := password.NewHasher(4, 4, 10*time.Second) // the least that bcrypt does: the rules do not depend on it
	t.Cleanup(hasher.Close)
	o.PublicURL, o.Now = public, trusted.Now
	o.Accounts = account.New(store.Users, hasher, password.Policy{MinLength: 8}, signup, trusted.Now, audit)
	keyPolicy.Lifetime = map[keys.Use]time.Duration{keys.UseAccess: accessTTL, keys.UseRefresh: policy.AbsoluteTTL}
	o.Keys = keys.NewRing(store.Keys, root, keyPolicy, trusted, audit, logger)
	if err := o.Keys.Start(t.Context()); err != nil {
		return nil, err
	}
	go o.Keys.RunUntil(t.Context())
	if o.Issuer == "" {
		o.Issuer = public.String()
	}
	o.Tokens = token.NewMinter(root, o.Keys, o.Issuer, "latchkey", accessTTL, trusted)
	o.Sessions = session.New(store, root, o.Tokens, policy, trusted, audit, logger)
	throttle := login.NewThrottle(store.Limits, root, limits, trusted.Now)
	o.Login = login.New(store, hasher, throttle, o.Sessions, reveal, trusted, audit, logger)
	o.OAuth = oauth.New(store, o.Login, o.Sessions, o.Tokens, trusted, audit, logger)
	o.Clients = oauth.NewClients(store.Clients, trusted.Now, audit)
	o.Passwords = login.NewPasswords(store, o.Sessions, hasher, throttle, password.Policy{MinLength: 8}, trusted.Now, audit)
	o.Strength = password.NewScorer(password.Policy{MinLength: 8})
	o.Health = health.New(store, "test", trusted)
	handler, err := controller.NewRouter(o)
	if err != nil {
		return nil, err
	}
	served := handler
	if public.Path != "" { // a proxy strips it
		served = http.StripPrefix(public.Path, handler)
	}
	server := httptest.NewUnstartedServer(served)
	if public.Scheme == "https" {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return &instance{
		accounts: o.Accounts, sessions: o.Sessions, clients: o.Clients, keys: o.Keys, public: public, address: server.Listener.Addr().String(),
		leaks: watch, handler: handler, described: describedBy(t, o),
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
	_, err := i.accounts.CreateAsOperator(t.Context(), account.Registration{
		Username: name, Email: name + "@example.org", Password: password.New("correct horse"), Privilege: privilege,
	})
	must(t, err)
}

// client returns an HTTP client that reaches the instance by its public URL. A
// browser has a cookie jar.
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
