package middleware

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/problem"
)

// Recover converts a panic to a 500 and a line in the log. The line contains the stack, which
// contains no values of the request.
func Recover(log *slog.Logger, problems *problem.Writer) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			ctx := c.Request.Context()
			log.ErrorContext(ctx, "panic", "request", problem.RequestID(ctx), "route", c.FullPath(),
				"kind", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			c.Abort()
			if !c.Writer.Written() {
				problems.Write(ctx, c.Writer, fmt.Errorf("panic: %T", v))
			}
		}()
		c.Next()
	}
}
