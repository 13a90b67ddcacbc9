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
)

// opened is what a command on the stores has at hand.
type opened struct {
	cfg     config.Config
	backend backend
	log     *slog.Logger
}

// withStores opens the stores for a command, and demands that the schema is up
// to date. It never creates a store. It tells errors as people like to read them.
func withStores(f func(context.Context, *cobra.Command, opened) error) func(*cobra.Command, []string) error {
	return withBackend(false, func(ctx context.Context, cmd *cobra.Command, o opened) error {
		defer sayIfSlow(cmd.ErrOrStderr(), o.backend.where)()
		if pending, _, err := o.backend.database.Pending(ctx); err != nil {
			return err
		} else if len(pending) > 0 {
			return errors.New("the schema is not up to date: run latchkey migrate up")
		}
		if err := f(ctx, cmd, o); err != nil {
			return explain(err)
		}
		return nil
	})
}

// withBackend loads the settings, opens the stores for a command, whatever their schema
// is, and says which stores they are. Only with create it makes a SQLite file.
func withBackend(create bool, f func(context.Context, *cobra.Command, opened) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := settings(cmd)
		if err != nil {
			return err
		}
		log := newLog(cfg, cmd.ErrOrStderr(), new(slog.LevelVar))
		b, err := openBackend(cmd.Context(), cfg, create, log, instruments{})
		if err != nil {
			return err
		}
		defer b.close()
		fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: using %s\n", b.where)
		return f(cmd.Context(), cmd, opened{cfg, b, log})
	}
}

// sayIfSlow tells a person what a command waits for, once, unless the returned function is
// called before.
func sayIfSlow(w io.Writer, where string) (done func()) {
	t := time.AfterFunc(3*time.Second, func() {
		fmt.Fprintf(w, "latchkey: still working: waiting for an answer of %s, or for a lock that another process holds\n", where)
	})
	return func() { t.Stop() }
}
