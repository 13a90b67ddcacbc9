package controller

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/controller/problem"
	"latchkey/middleware"
	"latchkey/middleware/access"
	"latchkey/service"
	"latchkey/service/strength"
)

// Options are the services behind the routes, and how they are reached.
type Options struct {
	Accounts  *service.Accounts
	Login     *service.Login
	Sessions  *service.Sessions
	Passwords *service.Passwords
	Strength  *strength.Scorer
	Tokens    *service.Tokens
	Keys      *service.Keyring
	OAuth     *service.OAuth
	Clients   *service.Clients
	Health    *service.Health

	Issuer            string // the iss of every token
	PublicURL         *url.URL
	BasePath          string
	TrustedProxies    []netip.Prefix
	Origins           []string       // that may use the API from a browser
	Delivery          string         // auto, cookie or body
	CookieDomain      string         // whose hosts get the access cookie
	SameSite          string         // default, lax, strict or none
	LegacyCookies     []http.Cookie  // name, domain and path of those to expire
	SignupsPerHour    int            // of one address; 0: as many as it likes
	RequestsPerSecond int            // of one address; 0: as many as it likes
	Statuses          map[string]int // error to status
	RequestTimeout    time.Duration
	Demo              bool // serve the page at /demo

	Observe middleware.RequestObserver // or nil
	Trace   gin.HandlerFunc            // or nil: makes a span of each request
	Now     func() time.Time
	Log     *slog.Logger
}

// server is what the handlers share.
type server struct {
	Options
	problems *problem.Writer
	cookies  access.Cookies
	csrf     *access.CSRF
}

// NewRouter returns the handler of the whole service.
func NewRouter(o Options) (http.Handler, error) {
	problems, err := problem.New(o.Statuses)
	if err != nil {
		return nil, err
	}
	csrf, err := access.NewCSRF(append([]string{o.PublicURL.Scheme + "://" + o.PublicURL.Host}, o.Origins...))
	if err != nil {
		return nil, err
	}
	s := &server{Options: o, problems: problems, csrf: csrf, cookies: access.NewCookies(o.PublicURL, o.BasePath, o.CookieDomain, o.LegacyCookies...)}
	if err := s.checkLegacy(); err != nil {
		return nil, err
	}
	engine, err := s.engine()
	if err != nil {
		return nil, err
	}
	guard, err := access.New(access.Options{Verifier: o.Tokens, Cookies: s.cookies, CSRF: csrf, Problems: problems, Now: o.Now})
	if err != nil {
		return nil, err
	}
	require := middleware.NewAccess(guard, s.tokenCookie("", -1))

	engine.GET("/", handle(s, s.status))
	engine.GET("/livez", handle(s, s.live))
	engine.GET("/readyz", handle(s, s.ready))
	engine.GET("/.well-known/jwks.json", middleware.AnyOrigin(), handle(s, s.jwks))

	for _, path := range metadataPaths(o.Issuer) {
		engine.GET(path, middleware.AnyOrigin(), handle(s, s.metadata))
	}

	users := engine.Group(o.BasePath+"/users", middleware.NoStore())
	signUp := []gin.HandlerFunc{require.OptionalAccess(), handle(s, s.signUp)}
	if n := o.SignupsPerHour; n > 0 {
		signUp = slices.Insert(signUp, 1, middleware.Rate(n, n, time.Hour, o.Now, problems, middleware.NoAdministrator))
	}
	users.POST("", signUp...)
	users.POST("/password-strength", handle(s, s.passwordStrength))
	users.POST("/login", handle(s, s.login))
	users.POST("/refresh", handle(s, s.refresh))
	users.POST("/rtVerify", handle(s, s.rtVerify))
	users.GET("/rtVerify", handle(s, s.rtVerify))
	users.POST("/logout", handle(s, s.logout))

	me := users.Group("/me", require.Require(access.Session, account))
	me.GET("", handleLive(s, s.me))
	me.POST("/password", handleLive(s, s.password))
	me.GET("/sessions", handleLive(s, s.devices))
	me.DELETE("/sessions", handleLive(s, s.endOthers))
	me.DELETE("/sessions/:id", handleLive(s, s.endDevice))

	administrator := require.Require(access.Session, own, access.Privilege(service.PrivilegeAdministrator))
	users.POST("/:id/token", administrator, handleLive(s, s.tokenFor))

	clients := engine.Group(o.BasePath+"/clients", middleware.NoStore(), administrator)
	clients.POST("", handleLive(s, s.createClient))
	clients.GET("", handleLive(s, s.listClients))
	clients.GET("/:id", handleLive(s, s.client))
	clients.PATCH("/:id", handleLive(s, s.changeClient))
	clients.DELETE("/:id", handleLive(s, s.deleteClient))
	clients.POST("/:id/secret", handleLive(s, s.rotateClientSecret))

	s.routeDescription(engine)
	if o.Demo {
		s.routeDemo(engine, require.Require(access.Session, account))
	}

	engine.GET("/oauth/authorize", s.authorize)
	engine.POST("/oauth/authorize", s.authorize)
	engine.Any("/oauth/token", middleware.AnyOrigin(), s.oauth(s.token))
	engine.Any("/oauth/revoke", middleware.AnyOrigin(), s.oauth(s.revoke))
	engine.Any("/oauth/introspect", s.oauth(s.introspect))
	return engine, nil
}

// own demands a token of the JSON API's own sessions. No application gets the
// powers of an administrator who signs in to it.
func own(s service.Subject, _ time.Time) error {
	if s.ClientID != service.ClientAPI {
		return service.NewError(service.CodePrivilegeDenied, "Applications cannot do this in your place. Log in here.")
	}
	return nil
}

// account demands a token that may use the account of its user: one of the JSON
// API's own sessions, or of an OAuth client that was given the scope for it. What
// a user allowed some application to do does not include the password.
func account(s service.Subject, now time.Time) error {
	if s.ClientID == service.ClientAPI {
		return nil
	}
	return access.Scope(service.ScopeAccount)(s, now)
}

// engine is Gin with what stands before every route.
func (s *server) engine() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	e.RemoteIPHeaders = []string{"X-Forwarded-For"}
	proxies := make([]string, len(s.TrustedProxies))
	for i, p := range s.TrustedProxies {
		proxies[i] = p.String()
	}
	if err := e.SetTrustedProxies(proxies); err != nil {
		return nil, fmt.Errorf("server.trusted_proxies: %w", err)
	}
	e.Use(middleware.ForwardedFor(s.Log))
	if s.Trace != nil {
		e.Use(s.Trace)
	}
	if s.Observe != nil {
		e.Use(middleware.Metrics(s.Observe, s.Now))
	}
	e.Use(
		middleware.RequestIDs(),
		middleware.Logging(s.Log, s.Now),
		middleware.Recover(s.Log, s.problems),
		middleware.Headers(s.PublicURL.Scheme == "https"),
		middleware.Drain(s.Health.Draining),
		middleware.Deadline(s.RequestTimeout),
	)
	if len(s.Origins) > 0 {
		e.Use(middleware.CORS(s.Origins))
	}
	if n := s.RequestsPerSecond; n > 0 {
		probes := []string{"/", "/livez", "/readyz"} // who watches us comes from one address
		e.Use(middleware.Rate(n, 2*n, time.Second, s.Now, s.problems, func(c *gin.Context) bool { return !slices.Contains(probes, c.FullPath()) }))
	}
	e.NoRoute(handle(s, func(*call, empty) (reply, error) {
		return reply{}, service.NewError(service.CodeNotFound, "There is no such route.")
	}))
	e.NoMethod(handle(s, func(c *call, _ empty) (reply, error) {
		return reply{}, service.NewError(service.CodeMethodNotAllowed,
			"This route does not answer "+c.r.Method+"; the header Allow says what it does.")
	}))
	return e, nil
}
