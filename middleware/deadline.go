package middleware

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"
)

// Deadline limits the duration of a request, including its waits for stores and hashes.
func Deadline(limit time.Duration) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), limit)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}

// Drain asks clients to close their connection while the process is about to stop, so that no
// request is in progress on it when it is closed.
func Drain(draining func() bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		if draining() {
			c.Header("Connection", "close")
		}
	}
}
