package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/service"
)

// refusing is a route that refuses every attempt with a code.
func refusing(code service.Code) http.Handler {
	r := middleware.NewRefusals(time.Now, func(*gin.Context) string { return "" })
	return route(r.Limit(func(c *gin.Context, _ error) { c.Status(http.StatusTooManyRequests) }), func(c *gin.Context) {
		_ = c.Error(&service.Error{Code: code})
		c.Status(http.StatusForbidden)
	})
}

// An attacker who sends the next attempt as soon as the last one has its answer gets ten answers a
// second on a connection, and a client that leaves is not waited for.
func TestRefusals_HoldTheAnswersOfAFlood(t *testing.T) {
	for _, test := range []struct {
		code service.Code
		free int // attempts whose answer is not held
	}{{service.CodeRateLimited, 10}, {service.CodeOverloaded, 0}} {
		t.Run(string(test.code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := refusing(test.code)
				attempt := func(ctx context.Context) time.Duration {
					begin := time.Now()
					h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
					return time.Since(begin)
				}
				for n := range test.free {
					if took := attempt(t.Context()); took != 0 {
						t.Errorf("attempt %d took %s", n, took)
					}
				}
				gone, cancel := context.WithCancel(t.Context())
				cancel()
				if took := attempt(gone); took != 0 {
					t.Errorf("a refusal took %s after the client had left", took)
				}
				var all sync.WaitGroup // at once, because each tenth of a second is good for another free one
				for range 5 {
					all.Go(func() {
						if took := attempt(t.Context()); took < 75*time.Millisecond || took > 125*time.Millisecond {
							t.Errorf("a refusal took %s", took)
						}
					})
				}
				all.Wait()
			})
		})
	}
}
