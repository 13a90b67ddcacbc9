package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The time limits of a connection. A slower client is disconnected.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	maxHeaderBytes    = 16 << 10
	// writeSlack and stopSlack are added to server.request_timeout: for a connection, and for the
	// end of the program.
	writeSlack = readTimeout + 5*time.Second
	stopSlack  = 5 * time.Second
)

// Server answers HTTP requests on one listener.
type Server struct {
	http     *http.Server
	listener net.Listener
	conns    *connections
	timeout  time.Duration
	served   chan error
	log      *slog.Logger
}

// Options are the limits of a server.
type Options struct {
	Address        string        // address to listen on, as host:port
	RequestTimeout time.Duration // time limit of a handler
	IdleTimeout    time.Duration // time limit of a connection without a request
}

// Listen opens the listener. Serve answers its connections.
func Listen(ctx context.Context, handler http.Handler, o Options, log *slog.Logger) (*Server, error) {
	handler, err := refuseMixed(handler)
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Address)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, conns: &connections{busy: map[net.Conn]struct{}{}}, timeout: o.RequestTimeout, served: make(chan error, 1), log: log}
	s.http = &http.Server{
		ConnState: s.conns.track, ConnContext: withFraming, Handler: handler,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: o.RequestTimeout + writeSlack,
		IdleTimeout: o.IdleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr returns the address of the listener.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx is done or the listener fails. Call Stop after it.
func (s *Server) Serve(ctx context.Context) error {
	go func() { s.served <- s.http.Serve(framingListener{s.listener}) }()
	select {
	case err := <-s.served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		return nil
	}
}

// Stop stops accepting connections, and returns when every accepted request has its response.
// It returns an error after the request timeout.
func (s *Server) Stop() error {
	limit := s.timeout + stopSlack
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	// Shutdown drops a connection whose request was read but not yet passed to a handler, so it
	// must not begin before those requests are done.
	_ = s.listener.Close()
	if err := <-s.served; !errors.Is(err, net.ErrClosed) { // Serve released the listener, which Shutdown would close again
		s.log.Debug("serve ended", "error", err)
	}
	s.conns.wait(ctx)
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were still running after %s: %w", limit, err)
	}
	s.log.Info("stopped")
	return nil
}
