package middleware

import (
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/problem"
	"latchkey/service"
)

const (
	corsMethods = "GET, HEAD, POST, PATCH, DELETE"
	corsExposed = "Location, Retry-After, WWW-Authenticate, X-Device-Token, " + RequestIDHeader
	corsMaxAge  = "600" // seconds
)

// CORSOptions configure CORS.
type CORSOptions struct {
	// Own is the origin of the service itself.
	Own string
	// Origins are the other origins whose pages may use the API with credentials.
	Origins []string
	// Public reports whether a route is for pages of every origin, without credentials.
	Public   func(route string) bool
	Problems *problem.Writer
	Now      func() time.Time
	Log      *slog.Logger
}

// CORS applies the CORS protocol (Fetch standard, 3.2). Pages of the listed origins may read
// responses and send credentials. A page of any origin may read the responses of public routes,
// with or without an Origin in the request: a cache may serve one page's response to another
// page. A preflight may use all headers that it requests, because monitoring tools add some;
// the list of origins is the barrier. A preflight of an origin that is not listed is
// csrf_denied, and the log names the origin and the setting. A preflight of the service's own
// origin is csrf_denied too: browsers send none to the origin of the page, so the page calls the
// service by another address.
func CORS(o CORSOptions) gin.HandlerFunc {
	logged := &onceAnHour{now: o.Now}
	refuse := func(c *gin.Context, message string) {
		err := service.NewError(service.CodeCSRFDenied, message)
		_ = c.Error(err)
		c.Abort()
		o.Problems.Write(c.Request.Context(), c.Writer, err)
	}
	return func(c *gin.Context) {
		h, origin, site := c.Writer.Header(), c.GetHeader("Origin"), c.GetHeader("Sec-Fetch-Site")
		preflight := c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != ""
		if o.Public(c.FullPath()) {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Expose-Headers", corsExposed)
			if c.Request.Method == http.MethodOptions {
				allowPreflight(c)
			}
			return
		}
		h.Add("Vary", "Origin")
		switch {
		case origin == "":
		case slices.Contains(o.Origins, origin):
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", corsExposed)
			if preflight {
				allowPreflight(c)
			}
		case site == "same-origin", origin == o.Own && site == "" && !preflight:
		case origin == o.Own:
			if logged.first(c.Request.Host) {
				o.Log.InfoContext(c.Request.Context(), "a page of server.public_url calls another address than server.public_url; the browser hides the response from the page",
					"host", c.Request.Host, "route", c.FullPath())
			}
			if preflight {
				refuse(c, "This page calls the service by another address than server.public_url. Use the same address for both.")
			}
		default:
			if logged.first(origin) {
				o.Log.InfoContext(c.Request.Context(), "request from an origin that is not in cors.origins; the browser hides the response from the page",
					"origin", origin, "route", c.FullPath())
			}
			if preflight {
				refuse(c, "Pages of this origin may not use the API. To allow them, add the origin to cors.origins.")
			}
		}
	}
}

// allowPreflight allows the method and the headers that a preflight requests.
func allowPreflight(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Methods", corsMethods)
	if headers := c.GetHeader("Access-Control-Request-Headers"); headers != "" {
		h.Set("Access-Control-Allow-Headers", headers)
	}
	h.Set("Access-Control-Max-Age", corsMaxAge)
	c.AbortWithStatus(http.StatusNoContent)
}

// onceAnHour remembers texts that were logged, at most maxLogged of them, because any client
// can send any Origin.
type onceAnHour struct {
	now    func() time.Time
	mu     sync.Mutex
	until  time.Time
	logged map[string]bool
}

const maxLogged = 50

// first reports whether a text is to be logged.
func (l *onceAnHour) first(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); l.logged == nil || now.After(l.until) {
		l.logged, l.until = map[string]bool{}, now.Add(time.Hour)
	}
	if l.logged[text] || len(l.logged) == maxLogged {
		return false
	}
	l.logged[text] = true
	return true
}
