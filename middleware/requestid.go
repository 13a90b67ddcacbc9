package middleware

import (
	"crypto/rand"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/problem"
)

// RequestIDHeader identifies a request in responses and logs.
const RequestIDHeader = "X-Request-Id"

// RequestIDs gives each request an ID: the ID in the request, if it is short and plain, or else
// a random one.
func RequestIDs() gin.HandlerFunc {
	return func(c *gin.Context) {
		id := c.GetHeader(RequestIDHeader)
		if !plain(id) {
			id = rand.Text()
		}
		c.Header(RequestIDHeader, id)
		c.Request = c.Request.WithContext(problem.WithRequestID(c.Request.Context(), id))
	}
}

// plain reports whether an ID is safe to log: a client must not be able to forge log lines.
func plain(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, r := range id {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.' {
			return false
		}
	}
	return true
}
