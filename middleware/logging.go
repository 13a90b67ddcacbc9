package middleware

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/access"
	"latchkey/middleware/problem"
	"latchkey/service"
)

// statusClientGone is the logged status of a request whose client disconnected.
const statusClientGone = 499

// Logging writes a line for each request: debug for a success, info for a client error, error
// for a server error. The line contains the route, but never the path, a header or a body.
func Logging(log *slog.Logger, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start, client := now(), c.Request.Context()
		c.Next()
		ctx, status := c.Request.Context(), c.Writer.Status()
		if errors.Is(client.Err(), context.Canceled) {
			status = statusClientGone // whatever the response was, the client did not receive it
		}
		level := slog.LevelDebug
		switch {
		case status == http.StatusServiceUnavailable && overloaded(c):
			level = slog.LevelInfo // intended, and there may be many
		case repeated(c): // the refusals before it have lines
		case status >= 500:
			level = slog.LevelError
		case status >= 400 && status != statusClientGone:
			level = slog.LevelInfo
		}
		if !log.Enabled(ctx, level) {
			return
		}
		attrs := []slog.Attr{
			slog.String("request", problem.RequestID(ctx)), slog.String("method", c.Request.Method), slog.String("route", c.FullPath()),
			slog.Int("status", status), slog.String("outcome", outcome(c)), slog.Duration("took", now().Sub(start)),
		}
		if s, ok := access.FromContext(ctx); ok {
			attrs = append(attrs, slog.String("user", s.UserID), slog.String("session", s.SessionID), slog.String("client", s.ClientID))
			if s.Actor != "" {
				attrs = append(attrs, slog.String("actor", s.Actor))
			}
		}
		if len(c.Errors) > 0 {
			attrs = append(attrs, slog.String("error", c.Errors.Last().Error()))
		}
		log.LogAttrs(ctx, level, "request", attrs...)
	}
}

// outcome returns the stable name of the error in the response, or ok.
func outcome(c *gin.Context) string {
	if len(c.Errors) == 0 {
		return "ok"
	}
	return string(service.AsError(c.Errors.Last().Err).Code)
}

// repeated reports whether Refusals refused the request.
func repeated(c *gin.Context) bool {
	last := c.Errors.Last()
	if last == nil {
		return false
	}
	_, ok := last.Meta.(flooding)
	return ok
}

// overloaded reports whether a request was refused because the service was busy.
func overloaded(c *gin.Context) bool {
	return outcome(c) == string(service.CodeOverloaded)
}
