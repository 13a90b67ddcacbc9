package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/config"
)

func TestTheLevelOfTheLogFollowsSignals(t *testing.T) {
	port := freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+t.TempDir()+"'", "log.level: warn")
	cmd, log := startProgram(t, port, file)
	url := fmt.Sprintf("http://localhost:%d/livez", port)
	lines := func() int {
		_, _ = fetch(t, url)
		time.Sleep(time.Second) // the line is written when the answer has gone
		return strings.Count(log.String(), `"route":"/livez"`)
	}
	if n := lines(); n != 0 {
		t.Fatalf("%d lines of debug before anybody asked for them", n)
	}
	for _, step := range []struct {
		signal syscall.Signal
		more   bool
	}{{syscall.SIGUSR1, true}, {syscall.SIGUSR2, false}} {
		before := strings.Count(log.String(), "level of the log")
		must(t, cmd.Process.Signal(step.signal))
		for range 100 {
			if strings.Count(log.String(), "level of the log") > before {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		n := lines()
		if got := lines() > n; got != step.more {
			t.Errorf("after %s requests are logged: %v", step.signal, got)
		}
	}
}

func TestWhatMustNotBeLoggedIsRedacted(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		cfg := config.Default()
		cfg.Log.Format = format
		var out bytes.Buffer
		newLog(cfg, &out, new(slog.LevelVar)).Info("x", "Authorization", "Bearer sesame", slog.Group("headers", "set-cookie", "sesame"), "Password", "sesame")
		if text := out.String(); strings.Contains(text, "sesame") || strings.Count(text, "REDACTED") != 3 {
			t.Errorf("%s", text)
		}
	}
}
