package service

import (
	"context"
	"log/slog"

	"latchkey/repository"
)

// logEvent writes the line of the log that goes with an audit record.
func logEvent(ctx context.Context, log *slog.Logger, a repository.AuditRecord) {
	level := slog.LevelInfo
	if a.Event == repository.AuditRefreshReused {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{slog.String("outcome", a.Outcome)}
	for _, m := range []struct{ key, value string }{
		{"user", a.UserID},
		{"actor", a.ActorID},
		{"session", a.SessionID},
		{"client", a.ClientID},
		{"key", a.KeyID},
		{"request", a.RequestID},
		{"address", a.Address},
		{"agent", a.Agent},
	} {
		if m.value != "" {
			attrs = append(attrs, slog.String(m.key, m.value))
		}
	}
	log.LogAttrs(ctx, level, string(a.Event), attrs...)
}
