package controller

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/controller/problem"
	"latchkey/middleware"
	"latchkey/middleware/access"
	"latchkey/service"
)

// Options are the services behind the routes, and how they are reached.
type Options struct {
	Accounts  *service.Accounts
	Login     *service.Login
	Sessions  *service.Sessions
	Passwords *service.Passwords
	Tokens    *service.Tokens
	Keys      *service.Keyring
	Health    *service.Health

	PublicURL      *url.URL
	BasePath       string
	TrustedProxies []netip.Prefix
	Origins        []string       // that may use the API from a browser
	Delivery       string         // auto, cookie or body
	Statuses       map[string]int // error to status
	RequestTimeout time.Duration

	Now func() time.Time
	Log *slog.Logger
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
	s := &server{Options: o, problems: problems, csrf: csrf, cookies: access.NewCookies(o.PublicURL, o.BasePath)}
	engine, err := s.engine()
	if err != nil {
		return nil, err
	}
	guard, err := access.New(access.Options{Verifier: o.Tokens, Cookies: s.cookies, CSRF: csrf, Problems: problems, Now: o.Now})
	if err != nil {
		return nil, err
	}
	require := middleware.NewAccess(guard)

	engine.GET("/", handle(s, s.status))
	engine.GET("/livez", handle(s, s.live))
	engine.GET("/readyz", handle(s, s.ready))
	engine.GET("/.well-known/jwks.json", handle(s, s.jwks))

	users := engine.Group(o.BasePath+"/users", middleware.NoStore())
	users.POST("", require.OptionalAccess(), handle(s, s.signUp))
	users.POST("/login", handle(s, s.login))
	users.POST("/refresh", handle(s, s.refresh))
	users.POST("/rtVerify", handle(s, s.rtVerify))
	users.GET("/rtVerify", handle(s, s.rtVerify))
	users.POST("/logout", handle(s, s.logout))

	me := users.Group("/me", require.RequireSession())
	me.GET("", handle(s, s.me))
	me.POST("/password", handle(s, s.password))
	me.GET("/sessions", handle(s, s.devices))
	me.DELETE("/sessions", handle(s, s.endOthers))
	me.DELETE("/sessions/:id", handle(s, s.endDevice))

	users.POST("/:id/token", require.RequireSession(), require.RequirePrivilege(2), handle(s, s.tokenFor))
	return engine, nil
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
	e.NoRoute(handle(s, func(*call, empty) (reply, error) {
		return reply{}, service.NewError(service.CodeNotFound, "There is no such route.")
	}))
	e.NoMethod(handle(s, func(c *call, _ empty) (reply, error) {
		return reply{}, service.NewError(service.CodeMethodNotAllowed,
			"This route does not answer "+c.r.Method+"; the header Allow says what it does.")
	}))
	return e, nil
}
