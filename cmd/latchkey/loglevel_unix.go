//go:build unix

package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// followSignals sets the log level to debug on SIGUSR1, and back to the level in the settings
// on SIGUSR2, until ctx is done.
func followSignals(ctx context.Context, level *slog.LevelVar, settings slog.Level, log *slog.Logger) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			level.Set(settings)
			if sig == syscall.SIGUSR1 {
				level.Set(slog.LevelDebug)
			}
			log.Warn("log level changed", "level", level.Level().String())
		}
	}
}
