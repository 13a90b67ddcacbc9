package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The limits of a connection: a slower client is disconnected.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	maxHeaderBytes    = 16 << 10
	// writeSlack and stopSlack are the times that a connection and the end of the program get
	// in addition to server.request_timeout.
	writeSlack = readTimeout + 5*time.Second
	stopSlack  = 5 * time.Second
)

// ErrInterrupted is the cause of a context that was canceled from the keyboard: Run then skips
// the drain delay.
var ErrInterrupted = errors.New("interrupted")

// Run listens and answers requests until ctx is done. Then it reports that it is not ready,
// continues to answer for server.drain_delay, and returns when every accepted request has its
// answer. Ready, if it is not nil, is called with the address when the service listens.
func (a *App) Run(ctx context.Context, ready func(net.Addr)) error {
	cfg, log := a.cfg, a.env.Log
	go a.NewRetention().Run(ctx, cfg.Audit.Retention)
	// The last requests are answered after ctx is done, and keys can be revoked meanwhile.
	serving, stopped := context.WithCancel(context.WithoutCancel(ctx))
	defer stopped()
	a.start(serving)
	if err := a.instruments.serve(serving, cfg, a.Health, log); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Server.Listen)
	if err != nil {
		return fmt.Errorf("server.listen: %w", err)
	}
	handler, err := refuseMixed(a.handler)
	if err != nil {
		return err
	}
	conns := &connections{busy: map[net.Conn]struct{}{}}
	server := &http.Server{
		ConnState: conns.track, ConnContext: withFraming, Handler: handler,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: cfg.Server.RequestTimeout + writeSlack,
		IdleTimeout: cfg.Server.IdleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	log.Info("listening", "version", a.env.Version, "address", listener.Addr().String(), "url", cfg.Server.PublicURL.String(),
		"mode", a.Stores.Mode, "store", a.Stores.Where)
	if ready != nil {
		ready(listener.Addr())
	}

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(framingListener{listener}) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	a.Health.Drain()
	if !errors.Is(context.Cause(ctx), ErrInterrupted) {
		// A load balancer needs time to notice that this replica is not ready; meanwhile each
		// answer closes its connection.
		log.Info("draining", "for", cfg.Server.DrainDelay.String())
		time.Sleep(cfg.Server.DrainDelay)
	}
	return stop(server, listener, failed, conns, cfg.Server.RequestTimeout+stopSlack, log)
}

// stop ends the server when every request that it accepted has its answer.
func stop(server *http.Server, listener net.Listener, served <-chan error, conns *connections, limit time.Duration, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	// Shutdown drops a connection whose request was read and not yet handed to a handler, so
	// it must not begin before those requests are done.
	_ = listener.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) { // Serve released the listener, which Shutdown would close again
		log.Debug("serve ended", "error", err)
	}
	conns.wait(ctx)
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were still running after %s: %w", limit, err)
	}
	log.Info("stopped")
	return nil
}
