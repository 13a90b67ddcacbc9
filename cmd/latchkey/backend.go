package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/internal/app"
	"latchkey/service"
)

// opened contains the open stores and services of a command.
type opened struct {
	*app.Parts
	cfg config.Config
	log *slog.Logger
}

// withStores opens the stores for a command. It returns an error if the schema is not up to
// date. It never creates a store. It formats errors for people.
func withStores(f func(context.Context, *cobra.Command, opened) error) func(*cobra.Command, []string) error {
	return withBackend(false, func(ctx context.Context, cmd *cobra.Command, o opened) error {
		defer sayIfSlow(cmd.ErrOrStderr(), o.Stores.Where)()
		if pending, _, err := o.Stores.Schema.Pending(ctx); err != nil {
			return err
		} else if len(pending) > 0 {
			return errors.New("the schema is not up to date: run latchkey migrate up")
		}
		if err := f(ctx, cmd, o); err != nil {
			return service.Explain(err)
		}
		return nil
	})
}

// withBackend loads the settings, opens the stores for a command, in any state of their schema,
// and prints which stores they are. It creates a SQLite file only with create.
func withBackend(create bool, f func(context.Context, *cobra.Command, opened) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := settings(cmd)
		if err != nil {
			return err
		}
		log := newLog(cfg, cmd.ErrOrStderr(), new(slog.LevelVar))
		parts, err := app.Open(cmd.Context(), cfg, environment(log), create)
		if err != nil {
			return err
		}
		defer parts.Close()
		fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: using %s\n", parts.Stores.Where)
		return f(cmd.Context(), cmd, opened{parts, cfg, log})
	}
}

// sayIfSlow prints once what a command waits for, unless the returned function is called
// before.
func sayIfSlow(w io.Writer, where string) (done func()) {
	t := time.AfterFunc(3*time.Second, func() {
		fmt.Fprintf(w, "latchkey: still working: waiting for %s, or for a lock of another process\n", where)
	})
	return func() { t.Stop() }
}
