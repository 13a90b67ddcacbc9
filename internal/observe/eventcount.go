package observe

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"latchkey/repository"
)

// counting is a log handler that counts events. Each event has one line, and so each is counted
// once, regardless of the log level.
type counting struct {
	slog.Handler
	events *prometheus.CounterVec
	known  map[string]bool
}

func (m *metrics) counting(h slog.Handler) slog.Handler {
	known := map[string]bool{}
	for _, e := range repository.AuditEvents() {
		known[string(e)] = true
	}
	return counting{h, m.events, known}
}

// Enabled implements slog.Handler.
func (c counting) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || c.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (c counting) Handle(ctx context.Context, r slog.Record) error {
	if c.known[r.Message] {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key != "outcome" {
				return true
			}
			c.events.WithLabelValues(r.Message, a.Value.String()).Inc()
			return false
		})
	}
	if !c.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (c counting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return counting{c.Handler.WithAttrs(attrs), c.events, c.known}
}

// WithGroup implements slog.Handler.
func (c counting) WithGroup(name string) slog.Handler {
	return counting{c.Handler.WithGroup(name), c.events, c.known}
}
