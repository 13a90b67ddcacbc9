package controller

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/controller/page"
	"latchkey/internal/catalog"
	"latchkey/middleware"
	"latchkey/middleware/access"
	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/directory"
	"latchkey/service/health"
	"latchkey/service/keys"
	"latchkey/service/login"
	"latchkey/service/oauth"
	"latchkey/service/password"
	"latchkey/service/recovery"
	"latchkey/service/session"
	"latchkey/service/token"
)

// Options are the services behind the routes, and the addresses by which clients reach them.
type Options struct {
	Accounts  *account.Service
	Directory *directory.Service
	Login     *login.Service
	Sessions  *session.Service
	Changes   *login.Changes
	Recovery  *recovery.Service
	Strength  *password.Scorer
	Tokens    *token.Minter
	Keys      *keys.Ring
	OAuth     *oauth.Server
	Clients   *oauth.Clients
	Audit     *audit.Log
	Health    *health.Checker

	Issuer            string   // the iss of every token
	PublicURL         *url.URL // may have a path, which a proxy strips
	BasePath          string
	TrustedProxies    []netip.Prefix
	Origins           []string       // origins that may use the API from a browser
	Delivery          string         // auto, cookie or body
	CookieDomain      string         // hosts below it get the access cookie
	CookiePrefix      string         // prefix of the names of the cookies
	SameSite          string         // default, lax, strict or none
	LegacyCookies     []http.Cookie  // cookies to delete: name, domain and path
	LimitRefusals     bool           // refuse repeated attempts of an address early
	SignupsPerHour    int            // per address; 0: no limit
	RequestsPerSecond int            // per address; 0: no limit
	Statuses          map[string]int // error codes to statuses
	RequestTimeout    time.Duration
	Demo              bool // serve the page at /demo
	Brand             catalog.Brand
	Mail              string // where mails go, for the demo page; empty: nowhere

	Observe middleware.RequestObserver // or nil
	Trace   gin.HandlerFunc            // or nil; creates a span for each request
	Now     func() time.Time
	Log     *slog.Logger
}

// server contains the values that all handlers share.
type server struct {
	Options
	problems *problem.Writer
	cookies  access.Cookies
	csrf     *access.CSRF
	pages    *page.Pages
}

// NewRouter returns the handler of the whole service.
func NewRouter(o Options) (http.Handler, error) {
	problems, err := problem.New(o.Statuses)
	if err != nil {
		return nil, err
	}
	csrf, err := access.NewCSRF(append([]string{origin(o.PublicURL)}, o.Origins...))
	if err != nil {
		return nil, err
	}
	s := &server{Options: o, problems: problems, csrf: csrf, pages: page.New(o.Brand), cookies: access.NewCookies(access.CookieOptions{
		PublicURL: o.PublicURL, BasePath: o.BasePath, Domain: o.CookieDomain, Prefix: o.CookiePrefix, Legacy: o.LegacyCookies,
	})}
	if err := s.checkLegacy(); err != nil {
		return nil, err
	}
	public := publicRoutes{}
	engine, err := s.engine(public)
	if err != nil {
		return nil, err
	}
	guard, err := access.New(access.Options{Verifier: o.Tokens, Cookies: s.cookies, CSRF: csrf, Problems: problems, Now: o.Now})
	if err != nil {
		return nil, err
	}
	require := middleware.NewAccess(guard, s.forget)

	engine.GET("/", handle(s, s.status))
	engine.GET("/livez", handle(s, s.live))
	engine.GET("/readyz", handle(s, s.ready))
	public.get(engine, "/.well-known/jwks.json", handle(s, s.jwks))
	for _, path := range metadataPaths(o.Issuer) {
		public.get(engine, path, handle(s, s.metadata))
	}

	users := engine.Group(o.BasePath+"/users", middleware.NoStore())
	signUp := []gin.HandlerFunc{require.OptionalAccess(), handle(s, s.signUp)}
	if n := o.SignupsPerHour; n > 0 {
		signUp = slices.Insert(signUp, 1, middleware.Rate(n, n, time.Hour, o.Now, problems, middleware.NoAdministrator))
	}
	users.POST("", signUp...)
	refusals := s.refusals()
	users.POST("/password-strength", handle(s, s.passwordStrength))
	users.POST("/login", refusals.Limit(func(c *gin.Context, err error) { problems.Write(c.Request.Context(), c.Writer, err) }), handle(s, s.login))
	users.POST("/refresh", handle(s, s.refresh))
	users.POST("/rtVerify", handle(s, s.rtVerify))
	users.GET("/rtVerify", handle(s, s.rtVerify))
	users.POST("/logout", handle(s, s.logout))
	s.routeLinks(engine.Group(o.BasePath, middleware.NoStore()))

	me := users.Group("/me", require.Require(access.Session, mayUseAccount))
	me.GET("", handleLive(s, s.me))
	me.PATCH("", handleLive(s, s.changeMe))
	me.DELETE("", handleLive(s, s.deleteMe))
	me.POST("/password", handleLive(s, s.password))
	me.POST("/verify-email", handleLive(s, s.sendVerification))
	me.GET("/sessions", handleLive(s, s.sessions))
	me.DELETE("/sessions", handleLive(s, s.revokeOtherSessions))
	me.DELETE("/sessions/:id", handleLive(s, s.revokeSession))

	manager := require.Require(access.Session, own, access.Privilege(account.PrivilegeManager))
	users.GET("", manager, handleLive(s, s.users))
	ids := s.onlyIDs(engine)
	users.GET("/:id", ids, manager, handleLive(s, s.user))
	users.GET("/:id/sessions", manager, handleLive(s, s.sessionsOfUser))
	administrator := require.Require(access.Session, own, access.Privilege(account.PrivilegeAdministrator))
	users.PATCH("/:id", ids, administrator, handleLive(s, s.changeUser))
	users.DELETE("/:id", ids, administrator, handleLive(s, s.deleteUser))
	users.DELETE("/:id/sessions", administrator, handleLive(s, s.revokeSessionsOfUser))
	users.DELETE("/:id/sessions/:sid", administrator, handleLive(s, s.revokeSessionOfUser))
	users.POST("/:id/token", administrator, handleLive(s, s.impersonate))
	users.POST("/:id/reset-password", administrator, handleLive(s, s.sendReset))

	engine.GET(o.BasePath+"/audit", middleware.NoStore(), administrator, handleLive(s, s.auditLog))

	clients := engine.Group(o.BasePath+"/clients", middleware.NoStore(), administrator)
	clients.POST("", handleLive(s, s.createClient))
	clients.GET("", handleLive(s, s.listClients))
	clients.GET("/:id", handleLive(s, s.client))
	clients.PATCH("/:id", handleLive(s, s.changeClient))
	clients.DELETE("/:id", handleLive(s, s.deleteClient))
	clients.POST("/:id/secret", handleLive(s, s.rotateClientSecret))

	s.routeDescription(engine, public)
	if o.Demo {
		s.routeDemo(engine, require.Require(access.Session, mayUseAccount))
	}

	engine.GET("/oauth/authorize", s.authorize)
	engine.POST("/oauth/authorize", refusals.Limit(func(c *gin.Context, err error) { s.pages.WriteError(c.Writer, c.Request, err) }), s.authorize)
	public.any(engine, "/oauth/token", s.oauth(s.token))
	public.any(engine, "/oauth/revoke", s.oauth(s.revoke))
	engine.Any("/oauth/introspect", s.oauth(s.introspect))
	return headAsGet{engine}, nil
}

// refusals counts the refused logins of each address. A trusted device counts for itself, so that no
// attacker keeps the owner of an account out. It is nil if they are not limited.
func (s *server) refusals() *middleware.Refusals {
	if !s.LimitRefusals {
		return nil
	}
	return middleware.NewRefusals(s.Now, func(c *gin.Context) string { return s.Login.TrustedDevice(s.deviceToken(c.Request)) })
}

// origin returns the origin of a URL (RFC 6454 6.2).
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// path returns the public path for a path of this service. It includes the prefix that a proxy
// strips.
func (s *server) path(p string) string { return s.PublicURL.Path + p }

// publicRoutes are the routes that pages of every origin may use, without credentials.
type publicRoutes map[string]bool

// get adds a route for GET and OPTIONS.
func (p publicRoutes) get(e *gin.Engine, path string, handler gin.HandlerFunc) {
	p[path] = true
	e.GET(path, handler)
	e.OPTIONS(path) // handled by CORS
}

// any adds a route for every method.
func (p publicRoutes) any(e *gin.Engine, path string, handler gin.HandlerFunc) {
	p[path] = true
	e.Any(path, handler)
}

// headAsGet handles HEAD on every route like GET. The server omits the body (RFC 9110 9.3.2).
type headAsGet struct{ engine *gin.Engine }

// ServeHTTP implements http.Handler.
func (h headAsGet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		get := *r
		get.Method = http.MethodGet
		r = &get
	}
	h.engine.ServeHTTP(w, r)
}

// own requires a token of the JSON API's own sessions. If an administrator logs in to an
// application, the application does not get the administrator's privileges.
func own(s token.Subject, _ time.Time) error {
	if s.ClientID != token.ClientAPI {
		return service.NewError(service.CodePrivilegeDenied, "Applications cannot do this on your behalf. Log in here.")
	}
	return nil
}

// mayUseAccount requires a token that may use the account of its user: a token of the JSON
// API's own sessions, or of an OAuth client with the scope for it. Other consents of a user to
// an application do not include the password.
func mayUseAccount(s token.Subject, now time.Time) error {
	if s.ClientID == token.ClientAPI {
		return nil
	}
	return access.Scope(oauth.ScopeAccount)(s, now)
}

// allowHead adds HEAD to the header Allow of a 405 if the route supports GET.
func allowHead(c *gin.Context) {
	allow := strings.Split(c.Writer.Header().Get("Allow"), ", ")
	if slices.Contains(allow, http.MethodGet) && !slices.Contains(allow, http.MethodHead) {
		c.Header("Allow", strings.Join(append(allow, http.MethodHead), ", "))
	}
}

// engine returns a Gin engine with the middleware of all routes.
func (s *server) engine(public publicRoutes) (*gin.Engine, error) {
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
	e.Use(middleware.CutIncomplete(), middleware.ForwardedFor(s.Log))
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
	e.Use(middleware.CORS(middleware.CORSOptions{
		Own: origin(s.PublicURL), Origins: s.Origins, Public: func(route string) bool { return public[route] },
		Problems: s.problems, Now: s.Now, Log: s.Log,
	}))
	if n := s.RequestsPerSecond; n > 0 {
		probes := []string{"/", "/livez", "/readyz"} // not limited: a monitoring system sends all its requests from one address
		e.Use(middleware.Rate(n, 2*n, time.Second, s.Now, s.problems, func(c *gin.Context) bool { return !slices.Contains(probes, c.FullPath()) }))
	}
	e.NoRoute(handle(s, noRoute))
	e.NoMethod(s.onlyIDs(e), allowHead, handle(s, noMethod))
	return e, nil
}

func noRoute(*call, empty) (reply, error) {
	return reply{}, service.NewError(service.CodeNotFound, "This route does not exist.")
}

func noMethod(c *call, _ empty) (reply, error) {
	return reply{}, service.NewError(service.CodeMethodNotAllowed,
		"This route does not support "+c.r.Method+". The Allow header lists the methods that it supports.")
}

// onlyIDs limits the route of one user to paths with the ID of a user. For Gin the route also
// matches the paths of other routes, such as /api/users/login, and paths of no route.
func (s *server) onlyIDs(e *gin.Engine) gin.HandlerFunc {
	return func(c *gin.Context) {
		path := c.Request.URL.Path
		id, found := strings.CutPrefix(path, s.BasePath+"/users/")
		if _, err := service.AccountID(id); !found || err == nil || strings.Contains(id, "/") {
			return
		}
		c.Abort()
		var methods []string
		for _, r := range e.Routes() {
			if r.Path == path {
				methods = append(methods, r.Method)
			}
		}
		if len(methods) == 0 {
			c.Writer.Header().Del("Allow")
			handle(s, noRoute)(c)
			return
		}
		c.Header("Allow", strings.Join(methods, ", "))
		allowHead(c)
		handle(s, noMethod)(c)
	}
}
