package middleware

import (
	"time"

	"github.com/gin-gonic/gin"
)

// RequestObserver receives each request: its registered route ("" for none), method, status,
// and duration. It must be quick.
type RequestObserver func(route, method string, status int, took time.Duration)

// Metrics reports each request to an observer.
func Metrics(observe RequestObserver, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := now()
		c.Next()
		observe(c.FullPath(), c.Request.Method, c.Writer.Status(), now().Sub(start))
	}
}
