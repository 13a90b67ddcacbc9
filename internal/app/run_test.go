package app

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"latchkey/config"
)

// listen runs the service in the embedded mode until the test ends, and returns its address.
func listen(t *testing.T) string {
	t.Helper()
	cfg, err := config.Load("")
	must(t, err)
	cfg.Server.Listen, cfg.Data.Dir, cfg.Server.DrainDelay = "127.0.0.1:0", t.TempDir(), 0
	service, err := New(t.Context(), cfg, Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	address, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- service.Run(ctx, func(a net.Addr) { address <- a.String() }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		service.Close()
	})
	select {
	case a := <-address:
		return a
	case err := <-done:
		done <- err
		t.Fatal("the service did not start")
		return ""
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
