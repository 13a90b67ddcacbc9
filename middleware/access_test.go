package middleware_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/middleware/access"
	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/token"
)

// stamp verifies one token and no other.
type stamp token.Raw

func (s stamp) VerifyAccess(raw token.Raw) (token.Subject, error) {
	if raw != token.Raw(s) {
		return token.Subject{}, service.NewError(service.CodeTokenInvalid, "not that one")
	}
	return token.Subject{UserID: "u", SessionID: "s", Privilege: 1}, nil
}

// route returns an engine with one route behind the given guards.
func route(handlers ...gin.HandlerFunc) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(handlers...)
	e.Any("/", func(c *gin.Context) {
		s, ok := access.FromContext(c.Request.Context())
		c.JSON(http.StatusOK, gin.H{"user": s.UserID, "in": ok})
	})
	return e
}

func guard(t *testing.T) *middleware.Access {
	t.Helper()
	problems, err := problem.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	csrf, err := access.NewCSRF(nil)
	if err != nil {
		t.Fatal(err)
	}
	cookies := access.NewCookies(access.CookieOptions{PublicURL: &url.URL{Scheme: "http", Host: "localhost"}, BasePath: "/api"})
	g, err := access.New(access.Options{Verifier: stamp("a.b.c"), Cookies: cookies, CSRF: csrf, Problems: problems})
	if err != nil {
		t.Fatal(err)
	}
	return middleware.NewAccess(g, nil)
}

func send(h http.Handler, method string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestGuards_RouteWithoutGuardIsOpen(t *testing.T) {
	if w := send(route(), "GET"); w.Code != 200 || !strings.Contains(w.Body.String(), `"in":false`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRequire_AcceptsOnlyAValidToken(t *testing.T) {
	h := route(guard(t).RequireAccess())
	for _, c := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"none", nil, 401},
		{"good", []string{"Authorization", "Bearer a.b.c"}, 200},
		{"another", []string{"Authorization", "Bearer x.y.z"}, 401},
		{"malformed", []string{"Authorization", "Bearer abc"}, 401},
		{"cookie", []string{"Cookie", "accessToken=Bearer%20a.b.c"}, 200},
		{"cookie of another site's page", []string{"Cookie", "accessToken=Bearer%20a.b.c", "Sec-Fetch-Site", "cross-site"}, 403},
		{"header in another site's page", []string{"Authorization", "Bearer a.b.c", "Sec-Fetch-Site", "cross-site"}, 200},
	} {
		if w := send(h, "POST", c.headers...); w.Code != c.status {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
}

func TestOptional_AcceptsNoTokenAndRefusesABadOne(t *testing.T) {
	h := route(guard(t).OptionalAccess())
	if w := send(h, "GET"); w.Code != 200 || !strings.Contains(w.Body.String(), `"in":false`) {
		t.Errorf("none: %d %s", w.Code, w.Body)
	}
	if w := send(h, "GET", "Authorization", "Bearer a.b.c"); w.Code != 200 || !strings.Contains(w.Body.String(), `"in":true`) {
		t.Errorf("good: %d %s", w.Code, w.Body)
	}
	if w := send(h, "GET", "Authorization", "Bearer x.y.z"); w.Code != 401 {
		t.Errorf("bad: %d %s", w.Code, w.Body)
	}
}

func TestRecover_AnswersAndLogsAPanic(t *testing.T) {
	problems, err := problem.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	h := route(middleware.RequestIDs(), middleware.Recover(slog.New(slog.NewJSONHandler(&log, nil)), problems),
		func(*gin.Context) { panic(errors.New("secret value")) })
	w := send(h, "GET")
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"error":"internal"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), `"msg":"panic"`) || strings.Contains(log.String()+w.Body.String(), "secret value") {
		t.Errorf("log %s", log.String())
	}
}

func TestDeadline_ReachesTheHandler(t *testing.T) {
	h := route(middleware.Deadline(time.Millisecond), func(c *gin.Context) {
		<-c.Request.Context().Done()
		c.AbortWithStatus(http.StatusServiceUnavailable)
	})
	if w := send(h, "GET"); w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
}

func TestRun_DrainingClosesConnections(t *testing.T) {
	draining := false
	h := route(middleware.Drain(func() bool { return draining }))
	if w := send(h, "GET"); w.Header().Get("Connection") != "" {
		t.Error("closes before it drains")
	}
	draining = true
	if w := send(h, "GET"); w.Header().Get("Connection") != "close" {
		t.Error("does not close")
	}
}

func TestLogging_LinesHaveTheRouteAndNoSecrets(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := route(middleware.RequestIDs(), middleware.Logging(logger, time.Now), guard(t).RequireAccess())
	send(h, "GET", "Authorization", "Bearer a.b.c", "Cookie", "refreshToken=d.e.f", "X-Request-Id", "my\nid")
	for _, secret := range []string{"a.b.c", "d.e.f", `my\nid`} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q: %s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), `"route":"/"`) || !strings.Contains(log.String(), `"user":"u"`) {
		t.Errorf("log %s", log.String())
	}
}
