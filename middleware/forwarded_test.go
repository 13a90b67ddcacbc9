package middleware_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
)

// TestForwarded_ReadsTheClientAddress tests the formats in which proxies write addresses, and
// addresses that a client adds itself.
func TestForwarded_ReadsTheClientAddress(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	var log strings.Builder
	e := gin.New()
	e.RemoteIPHeaders = []string{"X-Forwarded-For"}
	if err := e.SetTrustedProxies([]string{"192.0.2.1/32", "10.0.0.0/8"}); err != nil {
		t.Fatal(err)
	}
	e.Use(middleware.ForwardedFor(slog.New(slog.NewTextHandler(&log, nil))))
	e.GET("/", func(c *gin.Context) { c.String(http.StatusOK, c.ClientIP()) })
	for _, c := range []struct {
		want  string
		lines []string
	}{
		{"192.0.2.1", nil},
		{"203.0.113.8", []string{"203.0.113.8"}},
		{"203.0.113.8", []string{"203.0.113.8:51008"}},
		{"2001:db8::8", []string{"2001:db8::8"}},
		{"2001:db8::8", []string{"[2001:db8::8]"}},
		{"2001:db8::8", []string{"[2001:db8::8]:51008"}},
		{"2001:db8::8", []string{"2001:db8::8%eth0"}},
		{"203.0.113.8", []string{"::ffff:203.0.113.8"}},
		{"203.0.113.8", []string{`"203.0.113.8:51008"`}},
		{"2001:db8::8", []string{`"[2001:db8::8]:51008"`}},
		{"203.0.113.8", []string{"203.0.113.8:"}},
		{"203.0.113.8", []string{"203.0.113.8:99999"}},
		{"203.0.113.8", []string{"203.0.113.8:_obscure"}},
		{"2001:db8::8", []string{"[2001:db8::8]:"}},
		{"2001:db8::8", []string{"[2001:db8::8]:99999"}},
		{"192.0.2.1", []string{"[2001:db8::8"}},
		{"192.0.2.1", []string{"[2001:db8::8]x"}},
		{"192.0.2.1", []string{"203.0.113.8x:80"}},
		{"203.0.113.8", []string{"198.51.100.7, 203.0.113.8:51008, 10.1.2.3:80"}},
		{"203.0.113.8", []string{"198.51.100.7", "203.0.113.8"}}, // the client itself sent the first line
		{"203.0.113.8", []string{" 203.0.113.8 ,10.1.2.3"}},
		{"203.0.113.8", []string{"203.0.113.8,"}},
		{"203.0.113.8", []string{"garbage, 203.0.113.8"}},
		{"192.0.2.1", []string{"unknown"}},
		{"192.0.2.1", []string{"203.0.113.8, garbage"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "192.0.2.1:4711"
		for _, line := range c.lines {
			r.Header.Add("X-Forwarded-For", line)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if got := w.Body.String(); got != c.want {
			t.Errorf("%q: %s, want %s", c.lines, got, c.want)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || strings.Contains(log.String(), "garbage") {
		t.Errorf("%d warnings:\n%s", n, log.String())
	}
}
