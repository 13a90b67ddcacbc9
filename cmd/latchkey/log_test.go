package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"latchkey/config"
)

func TestServe_SignalsChangeTheLogLevel(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+t.TempDir()+"'", "log.level: warn")
	cmd, log := startProgram(t, port, file)
	url := fmt.Sprintf("http://localhost:%d/livez", port)
	// The service logs a request after its response, but before it reads the next request on the
	// same connection.
	requests := func() {
		_, _ = fetch(t, url)
		_, _ = fetch(t, url)
	}
	signals := 0
	// lines returns how many requests were logged before the signal.
	lines := func(signal syscall.Signal) int {
		signals++
		must(t, cmd.Process.Signal(signal))
		log.AwaitTimes(t, `log level changed`, signals)
		return strings.Count(log.String(), `"route":"/livez"`)
	}
	requests()
	if n := lines(syscall.SIGUSR1); n != 0 {
		t.Errorf("%d requests are logged at the level warn", n)
	}
	requests()
	if n := lines(syscall.SIGUSR2); n == 0 {
		t.Error("no request is logged after SIGUSR1")
	}
	requests()
	if n := lines(syscall.SIGUSR1); n > 2 {
		t.Errorf("%d requests are logged, of which two were sent between SIGUSR1 and SIGUSR2", n)
	}
}

func TestLog_RedactsSecrets(t *testing.T) {
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
