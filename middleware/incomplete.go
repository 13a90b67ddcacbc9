package middleware

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

const incompleteKey = "latchkey incomplete"

// Incomplete marks a response whose body could not be written to its end.
func Incomplete(c *gin.Context) { c.Set(incompleteKey, true) }

// CutIncomplete closes the connection after an incomplete response, so that the client notices: its
// status was sent before. It must come before every other middleware, which then ends normally.
func CutIncomplete() gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		if c.GetBool(incompleteKey) {
			panic(http.ErrAbortHandler)
		}
	}
}
