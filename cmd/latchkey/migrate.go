package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"latchkey/repository"
)

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the database schema up to date, or show its state",
		Long:    "The service migrates at its start. These commands are for doing so beforehand.",
		Example: "  latchkey migrate status\n  latchkey migrate up",
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "up",
		Short: "Apply every migration that is pending",
		Args:  cobra.NoArgs,
		RunE: withBackend(true, func(ctx context.Context, cmd *cobra.Command, o opened) error {
			applied, err := migrate(ctx, o.backend, o.log)
			for _, name := range applied {
				fmt.Fprintln(cmd.OutOrStdout(), "applied", name)
			}
			if err == nil && len(applied) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to do: the schema is up to date")
			}
			return err
		}),
	}, &cobra.Command{
		Use:   "status",
		Short: "List the migrations, applied and pending",
		Args:  cobra.NoArgs,
		RunE: withBackend(true, func(ctx context.Context, cmd *cobra.Command, o opened) error {
			pending, applied, err := o.backend.database.Pending(ctx)
			for _, name := range applied {
				fmt.Fprintln(cmd.OutOrStdout(), "applied", name)
			}
			for _, name := range pending {
				fmt.Fprintln(cmd.OutOrStdout(), "pending", name)
			}
			return err
		}),
	})
	return cmd
}

// migrate brings the schema up to date, and says so if that takes long: another process may
// be at it, which is waited for.
func migrate(ctx context.Context, b backend, log *slog.Logger) ([]string, error) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		for wait := 2 * time.Second; ; wait = 10 * time.Second {
			select {
			case <-done:
				return
			case <-time.After(wait):
				log.Info("still migrating, or waiting for another process that migrates", "store", b.where)
			}
		}
	}()
	return b.database.Migrate(ctx)
}

// migrateAtStart migrates, and waits for a database that is still starting.
func migrateAtStart(ctx context.Context, b backend, log *slog.Logger) error {
	deadline := time.After(startTimeout)
	for {
		applied, err := migrate(ctx, b, log)
		if len(applied) > 0 {
			log.Info("migrated", "applied", applied)
		}
		if err == nil || !errors.Is(err, repository.ErrUnavailable) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		log.Warn("cannot migrate yet; trying again", "store", b.where, "error", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline:
			return fmt.Errorf("cannot migrate for %s: %w", startTimeout, err)
		case <-time.After(time.Second):
		}
	}
}
