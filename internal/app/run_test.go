package app_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"latchkey/config"
	"latchkey/internal/app"
)

// TestRun_IdleConnectionsStayForServerIdleTimeout requires that the setting reaches the server:
// load balancers keep connections for up to 600 s.
func TestRun_IdleConnectionsStayForServerIdleTimeout(t *testing.T) {
	if d := config.Default().Server.IdleTimeout; d <= 600*time.Second {
		t.Errorf("the default is %v", d)
	}
	for _, test := range []struct {
		timeout string
		closed  bool // after two seconds
	}{{"1s", true}, {"610s", false}} {
		t.Run(test.timeout, func(t *testing.T) {
			t.Setenv("LATCHKEY_SERVER_IDLE_TIMEOUT", test.timeout)
			conn := run(t)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/livez", nil)
			must(t, err)
			must(t, req.Write(conn))
			r := bufio.NewReader(conn)
			res, err := http.ReadResponse(r, req)
			must(t, err)
			_, err = io.Copy(io.Discard, res.Body)
			must(t, err)
			_ = res.Body.Close()
			must(t, conn.SetReadDeadline(time.Now().Add(2*time.Second)))
			_, err = r.ReadByte()
			if closed := !errors.Is(err, os.ErrDeadlineExceeded); closed != test.closed {
				t.Errorf("after two seconds: %v", err)
			}
		})
	}
}

// run runs the service until the test ends, and returns a connection to it.
func run(t *testing.T) net.Conn {
	t.Helper()
	t.Setenv("LATCHKEY_DATA_DIR", t.TempDir())
	t.Setenv("LATCHKEY_SERVER_LISTEN", "127.0.0.1:0")
	t.Setenv("LATCHKEY_SERVER_PUBLIC_URL", "http://localhost")
	t.Setenv("LATCHKEY_SERVER_DRAIN_DELAY", "0s")
	cfg, err := config.Load("")
	must(t, err)
	a, err := app.New(t.Context(), cfg, app.Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	address, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() { done <- a.Run(ctx, func(at net.Addr) { address <- at }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		a.Close()
	})
	select {
	case at := <-address:
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", at.String())
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	case err := <-done:
		done <- err
		t.Fatalf("run: %v", err)
		return nil
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
