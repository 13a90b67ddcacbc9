package middleware

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Headers sets what every answer carries. Pages set a policy of their own.
func Headers(https bool) gin.HandlerFunc {
	headers := http.Header{}
	headers.Set("X-Content-Type-Options", "nosniff")
	headers.Set("Referrer-Policy", "no-referrer")
	headers.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if https {
		headers.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return func(c *gin.Context) {
		h := c.Writer.Header()
		for name, values := range headers {
			h[name] = values[:1:1] // whoever adds one makes a copy
		}
	}
}

// NoStore keeps answers that carry a token, or say something about a user, out
// of every cache (RFC 6749 5.1).
func NoStore() gin.HandlerFunc {
	return func(c *gin.Context) { c.Writer.Header().Set("Cache-Control", "no-store") }
}
