package main

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"latchkey/config"
)

// newLog returns a log that writes to w: text to a terminal and JSON otherwise, unless the
// settings choose a format. Its level is initialized from the settings and can be changed
// later.
func newLog(cfg config.Config, w io.Writer, level *slog.LevelVar) *slog.Logger {
	return logTo(w, logFormat(cfg.Log.Format, w), cfg, level)
}

// logTo is newLog with a given format.
func logTo(w io.Writer, format string, cfg config.Config, level *slog.LevelVar) *slog.Logger {
	level.Set(levelOf(cfg))
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// logFormat returns the format in the settings. With auto the format depends on w.
func logFormat(setting string, w io.Writer) string {
	switch {
	case setting != "auto":
		return setting
	case isTerminal(w):
		return "text"
	}
	return "json"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// reportedError is an error that the log already contains, in its format, and that must not be
// printed again.
type reportedError struct{ error }

// Unwrap returns the error.
func (r reportedError) Unwrap() error { return r.error }

func levelOf(cfg config.Config) (level slog.Level) {
	_ = level.UnmarshalText([]byte(cfg.Log.Level)) // validated
	return level
}

// redact is the last line of defense. No code logs these attributes, but if a driver or a
// library ever does, redact hides their values.
func redact(_ []string, a slog.Attr) slog.Attr {
	if slices.Contains([]string{"authorization", "accesstoken", "refreshtoken", "userid", "cookie", "set-cookie", "password"}, strings.ToLower(a.Key)) {
		a.Value = slog.StringValue("REDACTED")
	}
	return a
}
