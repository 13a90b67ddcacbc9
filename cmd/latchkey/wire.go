package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"latchkey/config"
	"latchkey/controller"
	"latchkey/repository"
	"latchkey/repository/postgres"
	"latchkey/repository/redis"
	"latchkey/repository/sqlite"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/inspect"
	"latchkey/service/jose"
	"latchkey/service/keys"
	"latchkey/service/login"
	"latchkey/service/oauth"
	"latchkey/service/password"
	"latchkey/service/retention"
	"latchkey/service/secret"
	"latchkey/service/session"
	"latchkey/service/token"
)

// migrator is what both databases can do with their schema.
type migrator interface {
	Migrate(ctx context.Context) (applied []string, err error)
	Pending(ctx context.Context) (pending, applied []string, err error)
}

// backend is an open set of stores.
type backend struct {
	store    repository.Store
	clock    *clock.Clock
	database migrator
	mode     string
	where    string                         // names the stores, for people and without secrets
	warnings func(context.Context) []string // about what is not as it should be
	pools    map[string]func() repository.PoolStats
	close    func()
}

// openBackend opens SQLite, or Postgres and Redis, as the settings say. Only with create a
// SQLite file that does not exist is made.
func openBackend(ctx context.Context, cfg config.Config, create bool, log *slog.Logger, i instruments) (b backend, err error) {
	if cfg.Embedded() {
		b, err = openEmbedded(ctx, cfg, create, i.calls())
	} else {
		b, err = openServers(ctx, cfg, log, i)
	}
	if err == nil {
		b.clock = clock.New(b.store.Clock, b.store.TimeMark, cfg.Refresh.Grace, wallClock(), log)
	}
	return b, err
}

func openServers(ctx context.Context, cfg config.Config, log *slog.Logger, i instruments) (backend, error) {
	pg, err := postgres.Open(ctx, cfg.Database.URL.Reveal(), postgres.Options{MaxConns: cfg.Database.MaxConns, Observe: i.calls(), Tracer: i.statements()})
	if err != nil {
		return backend{}, fmt.Errorf("database.url: %w", err)
	}
	redis.LogTo(log)
	rd, err := redis.Open(cfg.Redis.URL.Reveal(), redis.Options{
		Mode: redis.Mode(cfg.Redis.Mode), Prefix: cfg.Redis.Prefix, Observe: i.calls(), Instrument: i.commands(),
		SentinelUsername: cfg.Redis.SentinelUsername, SentinelPassword: cfg.Redis.SentinelPassword.Reveal(),
		CAFile: cfg.Redis.CAFile, CertFile: cfg.Redis.CertFile, KeyFile: cfg.Redis.KeyFile, ServerName: cfg.Redis.ServerName,
	})
	if err != nil {
		_ = pg.Close()
		return backend{}, fmt.Errorf("redis.%w", err) // which begins with the setting
	}
	return backend{
		store:    rd.Store(pg.Store()),
		database: pg, mode: "postgres+redis", warnings: rd.Warnings,
		where: "Postgres at " + place(cfg.Database.URL) + ", Redis at " + place(cfg.Redis.URL),
		pools: map[string]func() repository.PoolStats{"postgres": pg.Pool, "redis": rd.Pool},
		close: func() { _ = rd.Close(); _ = pg.Close() },
	}, nil
}

// place is the host and the path of a URL, which hold no secret.
func place(u config.Secret) string {
	_, rest, _ := strings.Cut(u.Reveal(), "://")
	authority, path, _ := strings.Cut(rest, "/")
	path, _, _ = strings.Cut(path, "?")
	authority, _, _ = strings.Cut(authority[strings.LastIndexByte(authority, '@')+1:], "?")
	return authority + "/" + path
}

func openEmbedded(ctx context.Context, cfg config.Config, create bool, observe repository.Observer) (backend, error) {
	path := filepath.Join(cfg.Data.Dir, "latchkey.db")
	if create {
		if err := os.MkdirAll(cfg.Data.Dir, 0o700); err != nil {
			return backend{}, fmt.Errorf("data.dir: %w", err)
		}
	} else if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return backend{}, fmt.Errorf("there is no database %s. If the service runs on Postgres and Redis, give this command its settings "+
			"(LATCHKEY_DATABASE_URL, …, or --config); if it runs on SQLite, its data.dir; to create a database: latchkey migrate up", path)
	}
	db, err := sqlite.Open(ctx, path, observe)
	if err != nil {
		return backend{}, fmt.Errorf("data.dir: %w", err)
	}
	return backend{
		store:    db.Store(),
		database: db, mode: "embedded", where: "SQLite in " + path, warnings: func(context.Context) []string { return db.Warnings() },
		pools: map[string]func() repository.PoolStats{"sqlite": db.Pool},
		close: func() { _ = db.Close() },
	}, nil
}

// rootSecret returns tokens.secret, or in the embedded mode the secret that the first
// start generated. Only with create one that does not exist is made.
func rootSecret(cfg config.Config, create bool, log *slog.Logger) ([]byte, error) {
	if !cfg.Tokens.Secret.Empty() {
		return []byte(cfg.Tokens.Secret.Reveal()), nil
	}
	text, err := keptSecret(filepath.Join(cfg.Data.Dir, "secret"), create, log)
	if err != nil {
		return nil, fmt.Errorf("the secret in data.dir: %w", err)
	}
	root, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(root) < secret.MinBytes {
		return nil, errors.New("the secret in data.dir is damaged; restore it from a backup, " +
			"or remove it and have everyone log in again")
	}
	return root, nil
}

func rootKeys(cfg config.Config, create bool, log *slog.Logger) (secret.Root, error) {
	material, err := rootSecret(cfg, create, log)
	if err != nil {
		return secret.Root{}, err
	}
	return secret.New(material)
}

// newThrottle makes the limits of log-ins. Where a delay keeps others out, too, it
// is a short one: a lock must not be a weapon.
func newThrottle(cfg config.Config, b backend, root secret.Root) *login.Throttle {
	l := cfg.Limits
	rule := func(free int, most time.Duration) login.LimitRule {
		return login.LimitRule{Free: free, Base: l.LoginDelay, Max: max(l.LoginDelay, most), Forget: l.LoginForget}
	}
	const shared = time.Minute
	return login.NewThrottle(b.store.Limits, root, login.Limits{
		AccountAddress: rule(l.LoginAccountAddress, l.LoginMaxDelay), Device: rule(l.LoginDevice, l.LoginMaxDelay),
		Account: rule(l.LoginAccount, min(shared, l.LoginMaxDelay)), Address: rule(l.LoginAddress, min(shared, l.LoginMaxDelay)),
		Client: rule(l.LoginClient, min(shared, l.LoginMaxDelay)),
		Logins: login.LimitRule{Free: l.LoginsPerHour, Base: l.LoginDelay, Max: max(l.LoginDelay, min(shared, l.LoginMaxDelay)), Forget: time.Hour},
	}, b.clock.Now)
}

// publishKeys is how long a key is published before it signs: more than the key
// set is cached by those who follow its max-age.
const publishKeys = 5 * time.Minute

// pollKeys is how often a process looks for keys that others have changed; one
// that was revoked must be refused everywhere within 5 s.
const pollKeys = time.Second

// newTokens makes the keys, not yet loaded, and the tokens of the settings.
func newTokens(cfg config.Config, b backend, create bool, log *slog.Logger) (*keys.Ring, *token.Minter, error) {
	root, err := rootKeys(cfg, create, log)
	if err != nil {
		return nil, nil, err
	}
	policy := keys.Policy{
		Algorithm: algorithmOf(cfg), Rotation: cfg.Tokens.KeyRotation, Publish: publishKeys, Poll: pollKeys,
		Lifetime: map[keys.Use]time.Duration{keys.UseAccess: oauth.MaxAccessTTL, keys.UseRefresh: cfg.Refresh.AbsoluteTTL},
	}
	if cfg.Tokens.KeysFile != "" {
		if policy.Algorithm != "" {
			log.Warn("tokens.algorithm has no effect: the keys in tokens.keys_file decide", "file", cfg.Tokens.KeysFile)
		}
		policy.File = func() ([]byte, error) { return os.ReadFile(cfg.Tokens.KeysFile) }
	}
	ring := keys.NewRing(b.store.Keys, root, policy, b.clock, b.audit(log), log)
	return ring, token.NewMinter(root, ring, cfg.Tokens.Issuer, cfg.Tokens.Audience, cfg.Tokens.AccessTTL, b.clock), nil
}

// algorithmOf is the algorithm that the settings demand; empty: none in particular.
func algorithmOf(cfg config.Config) jose.Algorithm {
	if cfg.Tokens.Algorithm == "auto" {
		return ""
	}
	return jose.Algorithm(cfg.Tokens.Algorithm)
}

// audit is the audit log of the stores.
func (b backend) audit(log *slog.Logger) *audit.Log {
	return audit.NewLog(b.store.Audits, log)
}

func newRetention(b backend, log *slog.Logger) *retention.Service {
	return retention.New(b.store, b.clock, b.audit(log), log)
}

func newInspector(cfg config.Config, b backend, ring *keys.Ring, tokens *token.Minter, log *slog.Logger) (*inspect.Inspector, error) {
	sessions, err := newSessions(cfg, b, tokens, log)
	return inspect.New(tokens, ring, sessions, refreshPolicy(cfg), b.clock.Now), err
}

func newSessions(cfg config.Config, b backend, tokens *token.Minter, log *slog.Logger) (*session.Service, error) {
	root, err := rootKeys(cfg, false, log)
	return session.New(b.store, root, tokens, refreshPolicy(cfg), b.clock, b.audit(log), log), err
}

func refreshPolicy(cfg config.Config) session.Policy {
	return session.Policy{
		Rotate: cfg.Refresh.Rotate, Sliding: cfg.Refresh.Sliding,
		IdleTTL: cfg.Refresh.IdleTTL, AbsoluteTTL: cfg.Refresh.AbsoluteTTL, Grace: cfg.Refresh.Grace,
		Recovery: cfg.Refresh.Recovery, MaxSessions: cfg.Refresh.MaxSessions, HeaderKeeps: cfg.Refresh.HeaderRTVerify,
	}
}

// newHandler wires the services and the routes.
func newHandler(cfg config.Config, b backend, i instruments, w watched, tokens *token.Minter, log *slog.Logger) (http.Handler, error) {
	policy, err := passwordPolicy(cfg)
	if err != nil {
		return nil, err
	}
	root, err := rootKeys(cfg, true, log)
	if err != nil {
		return nil, err
	}
	throttle := newThrottle(cfg, b, root)
	w.login = login.New(b.store, w.hasher, throttle, w.sessions, cfg.Login.RevealUnknownUser, b.clock, b.audit(log), log)
	i.watch(w, b.pools)
	return controller.NewRouter(controller.Options{
		Observe: i.requests(), Trace: i.spans(),
		Accounts:  newAccounts(cfg, b, policy, w.hasher, log),
		Login:     w.login,
		OAuth:     oauth.New(b.store, w.login, w.sessions, tokens, b.clock, b.audit(log), log),
		Clients:   w.clients,
		Issuer:    cfg.Tokens.Issuer,
		Passwords: login.NewPasswords(b.store, w.sessions, w.hasher, throttle, policy, b.clock.Now, b.audit(log)),
		Strength:  password.NewScorer(policy),
		Sessions:  w.sessions, Tokens: tokens, Keys: w.ring, Health: w.health,
		PublicURL: cfg.Server.PublicURL, BasePath: cfg.Server.BasePath, TrustedProxies: cfg.Server.TrustedProxies,
		Origins: cfg.CORS.Origins, Delivery: cfg.Tokens.Delivery,
		Demo: cfg.DemoEnabled(), CookieDomain: cfg.Cookies.Domain, CookiePrefix: cfg.Cookies.Prefix, SameSite: cfg.Cookies.SameSite, LegacyCookies: legacyCookies(cfg),
		SignupsPerHour: cfg.Limits.SignupsPerHour, RequestsPerSecond: cfg.Limits.RequestsPerSecond, Statuses: cfg.Errors.Status,
		RequestTimeout: cfg.Server.RequestTimeout, Now: b.clock.Now, Log: log,
	})
}

func legacyCookies(cfg config.Config) []http.Cookie {
	list := make([]http.Cookie, len(cfg.Cookies.Legacy))
	for i, c := range cfg.Cookies.Legacy {
		list[i] = http.Cookie{Name: c.Name, Domain: c.Domain, Path: c.Path} //nolint:gosec // it is made to expire
	}
	return list
}

// passwordPolicy opens the breach file, which stays open as long as the process
// lives.
func passwordPolicy(cfg config.Config) (password.Policy, error) {
	policy := password.Policy{MinLength: cfg.Password.MinLength, Service: cfg.Server.PublicURL.Hostname()}
	if cfg.Password.BreachFile == "" {
		return policy, nil
	}
	f, err := os.Open(cfg.Password.BreachFile)
	if err != nil {
		return policy, fmt.Errorf("password.breach_file: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return policy, fmt.Errorf("password.breach_file: %w", err)
	}
	if policy.Breached, err = password.NewBreachFile(f, info.Size()); err != nil {
		return policy, fmt.Errorf("password.breach_file: %w", err)
	}
	return policy, nil
}

func newAccounts(cfg config.Config, b backend, policy password.Policy, hasher *password.Hasher, log *slog.Logger) *account.Service {
	return account.New(b.store.Users, hasher, policy, cfg.Signup.Enabled, b.clock.Now, b.audit(log))
}

// hashWait is how long a log-in waits for its hash at most: an answer must come
// within 3 s. Longer is better than a refusal, for whoever logs in as for the
// machine: those who are refused come again.
const hashWait = 2400 * time.Millisecond

// newHasher has a slot for each core.
func newHasher(cfg config.Config) *password.Hasher {
	return password.NewHasher(cfg.Password.BcryptCost, cores(), min(hashWait, cfg.Server.RequestTimeout/2))
}
