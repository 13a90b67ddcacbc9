package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/service/health"
)

// The limits of a connection: a client that is slower is cut.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	maxHeaderBytes    = 16 << 10
	// writeSlack and stopSlack are what a connection and the end of the program
	// get beyond the time that a request may take.
	writeSlack = readTimeout + 5*time.Second
	stopSlack  = 5 * time.Second
	// logCloseTimeout is how long the last lines of the log have to be read.
	logCloseTimeout = time.Second
	// startTimeout is how long a start waits for the database.
	startTimeout = 30 * time.Second
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: `Run the service. Without settings it is embedded: SQLite in ./data, a secret
drawn once, on 127.0.0.1:8080. With database.url, redis.url and tokens.secret it
runs on Postgres and Redis, in as many replicas as you like.

SIGTERM and SIGHUP drain: the service reports that it is not ready, goes on answering
for server.drain_delay, and ends when every request has its answer. SIGUSR1 sets the
log to debug, SIGUSR2 back to log.level.`,
		Example: `  latchkey serve
  LATCHKEY_SERVER_LISTEN=127.0.0.1:9000 latchkey serve
  LATCHKEY_DATABASE_URL=postgres://... LATCHKEY_REDIS_URL=redis://... LATCHKEY_TOKENS_SECRET=... latchkey serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stderr := cmd.ErrOrStderr()
			cfg, err := settings(cmd)
			if err != nil {
				if logFormat("auto", stderr) == "text" {
					return err
				}
				newLog(config.Default(), stderr, new(slog.LevelVar)).Error("the service cannot start", "error", err)
				return reportedError{err}
			}
			signal.Ignore(syscall.SIGPIPE) // a reader of the log that has gone ends nothing
			queue := newLogQueue(stderr)
			defer queue.Close(logCloseTimeout)
			level := new(slog.LevelVar)
			log := logTo(queue, logFormat(cfg.Log.Format, stderr), cfg, level)
			queue.reportTo(log)
			go followSignals(cmd.Context(), level, levelOf(cfg), log)
			err = serve(cmd.Context(), cfg, cmd.OutOrStdout(), queue, log)
			if err != nil && cmd.Context().Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(cmd.Context()))) {
				log.Info("stopped before it was ready")
				return nil
			}
			if err != nil {
				log.Error("the service has ended", "error", err)
				return reportedError{err}
			}
			return nil
		},
	}
}

// serve runs the service until ctx is done and every request has its answer.
func serve(ctx context.Context, cfg config.Config, stdout io.Writer, queue *logQueue, log *slog.Logger) error {
	spareThreads()
	var i instruments
	var err error
	if i.traces, err = newTraces(ctx, cfg, log); err != nil {
		return err
	}
	defer i.traces.close()
	if cfg.Metrics.Listen != "" {
		i.metrics = newMetrics()
	}
	log = i.log(log)
	i.advices = newAdvices(log)
	b, err := openBackend(ctx, cfg, true, log, i)
	if err != nil {
		return err
	}
	defer b.close()
	if err := migrateAtStart(ctx, b, log); err != nil {
		return err
	}
	for _, w := range b.warnings(ctx) {
		log.Warn(w)
	}
	b.clock.Start(ctx)
	health := health.New(b.store, b.mode, b.clock)
	ring, tokens, err := newTokens(cfg, b, true, log)
	if err != nil {
		return err
	}
	if err := ring.Start(ctx); err != nil {
		return err
	}
	clients := newClients(b, log)
	if file := cfg.OAuth.ClientsFile; file != "" {
		done, err := applyClients(ctx, file, clients)
		if err != nil {
			return fmt.Errorf("oauth.clients_file: %w", explain(err))
		}
		log.Info("clients applied", "file", file, "created", done.Created, "changed", done.Changed, "new_secret", done.NewSecret,
			"disabled", done.Disabled, "unchanged", len(done.Unchanged))
	}
	sessions, err := newSessions(cfg, b, tokens, log)
	if err != nil {
		return err
	}
	hasher := newHasher(cfg)
	hasher.Prepare()
	defer hasher.Close()
	handler, err := newHandler(cfg, b, i, watched{sessions: sessions, clients: clients, hasher: hasher, ring: ring, health: health, clock: b.clock, log: queue}, tokens, log)
	if err != nil {
		return err
	}
	go newRetention(b, log).Run(ctx, cfg.Audit.Retention)
	// Keys are revoked while the last requests are answered, too.
	serving, stopped := context.WithCancel(context.WithoutCancel(ctx))
	defer stopped()
	go ring.RunUntil(serving)
	go b.clock.Run(serving)
	go health.Run(serving, log)
	if i.metrics != nil {
		if err := i.metrics.serve(serving, cfg, health, log); err != nil {
			return fmt.Errorf("metrics.listen: %w", err)
		}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Server.Listen)
	if err != nil {
		return fmt.Errorf("server.listen: %w", err)
	}
	if handler, err = refuseMixed(handler); err != nil {
		return err
	}
	conns := &connections{busy: map[net.Conn]struct{}{}}
	server := &http.Server{
		ConnState: conns.track, ConnContext: withFraming, Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: cfg.Server.RequestTimeout + writeSlack,
		IdleTimeout: cfg.Server.IdleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	log.Info("listening", "version", version, "address", listener.Addr().String(), "url", cfg.Server.PublicURL.String(), "mode", b.mode, "store", b.where)
	if isTerminal(stdout) {
		greet(stdout, cfg, listener.Addr(), b.mode)
	}

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(framingListener{listener}) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	health.Drain()
	if !errors.Is(context.Cause(ctx), errInterrupted) {
		// Whoever sends requests here needs a moment to notice that we are not
		// ready; meanwhile each answer closes its connection.
		log.Info("draining", "for", cfg.Server.DrainDelay.String())
		time.Sleep(cfg.Server.DrainDelay)
	}
	return stop(server, listener, failed, conns, cfg.Server.RequestTimeout+stopSlack, log)
}

// stop ends the server when every request that it accepted has its answer.
func stop(server *http.Server, listener net.Listener, served <-chan error, conns *connections, limit time.Duration, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	// Shutdown drops a connection whose request it has read and not yet handed
	// on, so it must not begin before those are done.
	_ = listener.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) { // Serve has let go of the listener, which Shutdown would close again
		log.Debug("serve ended", "error", err)
	}
	conns.wait(ctx)
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were still under way after %s: %w", limit, err)
	}
	log.Info("stopped")
	return nil
}

func greet(w io.Writer, cfg config.Config, addr net.Addr, mode string) {
	fmt.Fprintf(w, "Latchkey %s listens on %s, for users at %s\n", version, addr, cfg.Server.PublicURL)
	if cfg.DemoEnabled() {
		fmt.Fprintf(w, "See it work at %s/demo\n", cfg.Server.PublicURL)
	}
	if mode == "embedded" {
		fmt.Fprintf(w, "Embedded mode: SQLite and the secret are in %s. For Postgres and Redis set\n"+
			"LATCHKEY_DATABASE_URL, LATCHKEY_REDIS_URL and LATCHKEY_TOKENS_SECRET.\n", cfg.Data.Dir)
	}
}
