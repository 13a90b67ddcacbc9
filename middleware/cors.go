package middleware

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
)

const (
	corsMethods = "GET, POST, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, accesstoken, refreshtoken, userid, X-Token-Delivery, X-Device-Token, " + RequestIDHeader
	corsExposed = "Location, Retry-After, WWW-Authenticate, X-Device-Token, " + RequestIDHeader
)

// CORS lets pages of exactly these origins use the API with credentials (Fetch,
// CORS protocol). To any other origin nothing is said: its browser keeps the
// answer from the page, and what is no page does not care.
func CORS(origins []string) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := c.Writer.Header()
		h.Add("Vary", "Origin")
		origin := c.GetHeader("Origin")
		if !slices.Contains(origins, origin) {
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", corsExposed)
		if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", "600")
			c.AbortWithStatus(http.StatusNoContent)
		}
	}
}

// AnyOrigin lets a page of any origin read the answer, and never with cookies: for
// what is public, and for what an application proves its right to by itself.
func AnyOrigin() gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.GetHeader("Origin") == "" {
			return
		}
		c.Header("Access-Control-Allow-Origin", "*")
		c.Writer.Header().Del("Access-Control-Allow-Credentials")
		if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
			c.Header("Access-Control-Allow-Methods", "GET, POST")
			c.Header("Access-Control-Allow-Headers", "Authorization, Content-Type")
			c.Header("Access-Control-Max-Age", "600")
			c.AbortWithStatus(http.StatusNoContent)
		}
	}
}
