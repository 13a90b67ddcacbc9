package middleware

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Headers sets the headers of every response. Pages set their own policy.
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
			h[name] = values[:1:1] // code that adds a value makes a copy
		}
	}
}

// NoStore keeps responses with a token or with user data out of every cache (RFC 6749 5.1).
func NoStore() gin.HandlerFunc {
	return func(c *gin.Context) { c.Writer.Header().Set("Cache-Control", "no-store") }
}
