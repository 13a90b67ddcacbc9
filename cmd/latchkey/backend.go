package main

import (
	"context"
	"errors"
	"log/slog"

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
// to date. It tells errors as people like to read them.
func withStores(f func(context.Context, *cobra.Command, opened) error) func(*cobra.Command, []string) error {
	return withBackend(func(ctx context.Context, cmd *cobra.Command, o opened) error {
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

// withBackend loads the settings and opens the stores for a command, whatever
// their schema is.
func withBackend(f func(context.Context, *cobra.Command, opened) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := settings(cmd)
		if err != nil {
			return err
		}
		log := newLog(cfg, cmd.ErrOrStderr(), new(slog.LevelVar))
		b, err := openBackend(cmd.Context(), cfg, log, instruments{})
		if err != nil {
			return err
		}
		defer b.close()
		return f(cmd.Context(), cmd, opened{cfg, b, log})
	}
}
