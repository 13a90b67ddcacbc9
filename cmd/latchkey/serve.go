package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/internal/app"
)

// logCloseTimeout is the time limit for writing the last lines of the log.
const logCloseTimeout = time.Second

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: `Run the service. Without settings it runs in embedded mode on 127.0.0.1:8080, with
SQLite and a generated secret in ./data. With database.url, redis.url and tokens.secret
it runs on Postgres and Redis, with any number of replicas.

SIGTERM and SIGHUP drain: the service reports that it is not ready, continues for
server.drain_delay, and ends after the last response. More of these signals change
nothing; an interrupt (Ctrl-C) while it drains ends it at once. SIGUSR1 sets the log
level to debug, and SIGUSR2 sets it back to log.level.`,
		Example: `  latchkey serve
  LATCHKEY_SERVER_LISTEN=127.0.0.1:9000 latchkey serve
  LATCHKEY_DATABASE_URL=postgres://... LATCHKEY_REDIS_URL=redis://... LATCHKEY_TOKENS_SECRET=... latchkey serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stderr := cmd.ErrOrStderr()
			cfg, err := settings(cmd, app.CheckFiles)
			if err != nil {
				if logFormat("auto", stderr) == "text" {
					return err
				}
				newLog(config.Default(), stderr, new(slog.LevelVar)).Error("the service cannot start", "error", err)
				return reportedError{err}
			}
			signal.Ignore(syscall.SIGPIPE) // the program continues without a reader of the log
			queue := newLogQueue(stderr)
			defer queue.Close(logCloseTimeout)
			level := new(slog.LevelVar)
			log := logTo(queue, logFormat(cfg.Log.Format, stderr), cfg, level)
			queue.reportTo(log)
			go followSignals(cmd.Context(), level, levelOf(cfg), log)
			err = serve(cmd.Context(), cfg, cmd.OutOrStdout(), queue, log)
			if err != nil && cmd.Context().Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(cmd.Context()))) {
				log.Info("stopped before the service was ready")
				return nil
			}
			if err != nil {
				log.Error("the service failed", "error", err)
				return reportedError{err}
			}
			return nil
		},
	}
}

// serve runs the service until ctx is done and every request has its response.
func serve(ctx context.Context, cfg config.Config, stdout io.Writer, queue *logQueue, log *slog.Logger) error {
	env := environment(log)
	stop, err := profile()
	if err != nil {
		return err
	}
	defer stop()
	env.HashSlots, env.Dropped = cores(), queue.Dropped
	tuneRuntime(log)
	service, err := app.New(ctx, cfg, env)
	if err != nil {
		return err
	}
	defer service.Close()
	return service.Run(ctx, func(address net.Addr) {
		if isTerminal(stdout) {
			greet(stdout, cfg, address, service.Stores.Mode)
		}
	})
}

// environment returns the environment that every command passes to the service.
func environment(log *slog.Logger) app.Env {
	return app.Env{Now: wallClock(), Log: log, Version: version}
}

func greet(w io.Writer, cfg config.Config, addr net.Addr, mode string) {
	fmt.Fprintf(w, "Latchkey %s listens on %s; public URL: %s\n", version, addr, cfg.Server.PublicURL)
	if cfg.DemoEnabled() {
		fmt.Fprintf(w, "Demo: %s/demo\n", cfg.Server.PublicURL)
	}
	if mode == "embedded" {
		fmt.Fprintf(w, "Embedded mode: SQLite and the secret are in %s. To use Postgres and Redis, set\n"+
			"LATCHKEY_DATABASE_URL, LATCHKEY_REDIS_URL and LATCHKEY_TOKENS_SECRET.\n", cfg.Data.Dir)
	}
}
