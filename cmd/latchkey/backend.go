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
		defer sayIfSlow(cmd.ErrOrStderr(), app.Where(cfg))()
		parts, err := app.Open(cmd.Context(), cfg, environment(log), create)
		if err != nil {
			return err
		}
		defer parts.Close()
		fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: using %s\n", parts.Stores.Where)
		return f(cmd.Context(), cmd, opened{parts, cfg, log})
	}
}

// slow is the time after which a command says that it waits. It is shorter than the time limit of
// one call to a store (2 s, and 2.5 s of SQLite), after which the command fails.
const slow = time.Second

// sayIfSlow prints once what a command waits for, unless the returned function is called
// before.
func sayIfSlow(w io.Writer, where string) (done func()) {
	t := time.AfterFunc(slow, func() {
		fmt.Fprintf(w, "latchkey: still working: waiting for %s, or for a lock of another process\n", where)
	})
	return func() { t.Stop() }
}
