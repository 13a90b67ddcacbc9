//go:build !unix

package main

import (
	"context"
	"log/slog"
)

// followSignals does nothing: there are no such signals here.
func followSignals(context.Context, *slog.LevelVar, slog.Level, *slog.Logger) {}
