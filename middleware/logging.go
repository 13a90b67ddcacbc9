package middleware

import (
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
)

// Logging writes a line for each request: debug where it went well, info where
// the client erred, error where we did. It names the route and never the path,
// a header or a body.
func Logging(log *slog.Logger, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := now()
		c.Next()
		ctx, status := c.Request.Context(), c.Writer.Status()
		level := slog.LevelDebug
		switch {
		case status >= 500:
			level = slog.LevelError
		case status >= 400:
			level = slog.LevelInfo
		}
		if !log.Enabled(ctx, level) {
			return
		}
		attrs := []slog.Attr{
			slog.String("request", RequestID(ctx)), slog.String("method", c.Request.Method), slog.String("route", c.FullPath()),
			slog.Int("status", status), slog.Duration("took", now().Sub(start)),
		}
		if s, ok := Subject(ctx); ok {
			attrs = append(attrs, slog.String("user", s.UserID), slog.String("session", s.SessionID))
		}
		if len(c.Errors) > 0 {
			attrs = append(attrs, slog.String("error", c.Errors.Last().Error()))
		}
		log.LogAttrs(ctx, level, "request", attrs...)
	}
}
