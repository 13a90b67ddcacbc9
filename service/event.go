package service

import (
	"context"
	"log/slog"

	"latchkey/repository"
)

// logEvent writes the line of the log that goes with an audit record.
func logEvent(ctx context.Context, log *slog.Logger, a repository.AuditRecord) {
	level := slog.LevelInfo
	if a.Event == repository.AuditRefreshReused || a.Outcome == outcomeForked {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{slog.String("outcome", a.Outcome)}
	for name, value := range a.Members() {
		attrs = append(attrs, slog.String(name, value))
	}
	log.LogAttrs(ctx, level, string(a.Event), attrs...)
}
