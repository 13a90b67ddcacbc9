//go:build !unix

package main

import (
	"context"
	"log/slog"
)

// followSignals does nothing: this system has no such signals.
func followSignals(context.Context, *slog.LevelVar, slog.Level, *slog.Logger) {}
