package app

import (
	"context"
	"fmt"
	"net/http"

	"latchkey/config"
	"latchkey/controller"
	"latchkey/internal/observe"
	"latchkey/service"
	"latchkey/service/audit"
)

// App is the service, ready to run.
type App struct {
	*Parts
	*Services

	instruments observe.Instruments
	handler     http.Handler
}

// New opens and migrates the stores, loads the keys, applies oauth.clients_file, and makes
// every service and the router. The caller closes the App.
func New(ctx context.Context, cfg config.Config, env Env) (_ *App, err error) {
	a := &App{}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	if a.instruments, err = observe.New(ctx, observe.Options{
		MetricsListen: cfg.Metrics.Listen, TracesEndpoint: cfg.Traces.Endpoint, SamplePercent: cfg.Traces.SamplePercent,
		Version: env.Version, Now: env.Now, Log: env.Log,
	}); err != nil {
		return nil, err
	}
	env.Log = a.instruments.Logger(env.Log)
	if a.Parts, err = open(ctx, cfg, env, true, a.instruments); err != nil {
		return nil, err
	}
	if env.Stores == nil {
		if err := a.Stores.migrateAtStart(ctx, env.Log); err != nil {
			return nil, err
		}
		for _, w := range a.Stores.Warnings(ctx) {
			env.Log.Warn(w)
		}
	}
	a.Clock.Start(ctx)
	if a.Services, err = a.NewServices(); err != nil {
		return nil, err
	}
	for _, w := range secretWarnings(cfg) {
		env.Log.Warn(w)
	}
	if err := a.Keys.Start(ctx); err != nil {
		return nil, err
	}
	if file := cfg.OAuth.ClientsFile; file != "" {
		done, err := ApplyClients(ctx, file, a.Clients, audit.Operator())
		if err != nil {
			return nil, fmt.Errorf("oauth.clients_file: %w", service.Explain(err))
		}
		env.Log.Info("clients applied", "file", file, "created", done.Created, "changed", done.Changed, "new_secret", done.NewSecret,
			"disabled", done.Disabled, "unchanged", len(done.Unchanged))
	}
	a.Hasher.Prepare()
	a.instruments.Watch(observe.Sources{
		Mailer: a.Mailer, Sessions: a.Sessions, Login: a.Login, Hasher: a.Hasher, Keys: a.Keys, Health: a.Health, Clock: a.Clock, Pools: a.Stores.Pools, Dropped: env.Dropped,
	})
	a.handler, err = a.router()
	return a, err
}

// Handler returns the handler of the HTTP API.
func (a *App) Handler() http.Handler { return a.handler }

// start runs the background work until ctx is done: it polls the keys, measures the clock, and
// checks the stores.
func (a *App) start(ctx context.Context) {
	go a.Keys.RunUntil(ctx)
	go a.Clock.Run(ctx)
	go a.Health.Run(ctx, a.env.Log)
}

// mailWhere names where mails go, without secrets, or "".
func (a *App) mailWhere() string {
	if a.Mailer == nil {
		return ""
	}
	return a.Mailer.Where()
}

// Close releases the resources that New opened.
func (a *App) Close() {
	if a.Services != nil {
		a.Hasher.Close()
	}
	if a.Parts != nil {
		a.Parts.Close()
	}
	a.instruments.Close()
}

// router returns the router of all services.
func (a *App) router() (http.Handler, error) {
	cfg := a.cfg
	return controller.NewRouter(controller.Options{
		Observe: a.instruments.Requests(), Trace: a.instruments.Spans(),
		Accounts: a.Accounts, Directory: a.Directory, Audit: a.Audit, Login: a.Login, OAuth: a.OAuth, Clients: a.Clients, Changes: a.Changes, Recovery: a.Recovery,
		Brand: brand(cfg), Mail: a.mailWhere(), Strength: a.Strength,
		Sessions: a.Sessions, Tokens: a.Tokens, Keys: a.Keys, Health: a.Health,
		Issuer: cfg.Tokens.Issuer, PublicURL: cfg.Server.PublicURL, BasePath: cfg.Server.BasePath, TrustedProxies: cfg.Server.TrustedProxies,
		Origins: cfg.CORS.Origins, Delivery: cfg.Tokens.Delivery, Demo: cfg.DemoEnabled(),
		CookieDomain: cfg.Cookies.Domain, CookiePrefix: cfg.Cookies.Prefix, SameSite: cfg.Cookies.SameSite, LegacyCookies: legacyCookies(cfg),
		LimitRefusals: cfg.Limits.LoginAddress > 0, SignupsPerHour: cfg.Limits.SignupsPerHour, RequestsPerSecond: cfg.Limits.RequestsPerSecond, Statuses: cfg.Errors.Status,
		RequestTimeout: cfg.Server.RequestTimeout, Now: a.Clock.Now, Log: a.env.Log,
	})
}

func legacyCookies(cfg config.Config) []http.Cookie {
	list := make([]http.Cookie, len(cfg.Cookies.Legacy))
	for i, c := range cfg.Cookies.Legacy {
		list[i] = http.Cookie{Name: c.Name, Domain: c.Domain, Path: c.Path} //nolint:gosec // a cookie that expires at once
	}
	return list
}
