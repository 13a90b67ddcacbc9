package middleware

import (
	"time"

	"github.com/gin-gonic/gin"
)

// RequestObserver is told of each request: its route as it was registered ("" for
// none), method, status, and how long it took. It must be quick.
type RequestObserver func(route, method string, status int, took time.Duration)

// Metrics tells an observer of each request.
func Metrics(observe RequestObserver, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := now()
		c.Next()
		observe(c.FullPath(), c.Request.Method, c.Writer.Status(), now().Sub(start))
	}
}
