package middleware

import (
	"github.com/gin-gonic/gin"
)

// Headers sets what every answer carries. Pages set a policy of their own.
func Headers(https bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := c.Writer.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
	}
}

// NoStore keeps answers that carry a token, or say something about a user, out
// of every cache (RFC 6749 5.1).
func NoStore() gin.HandlerFunc {
	return func(c *gin.Context) { c.Writer.Header().Set("Cache-Control", "no-store") }
}
