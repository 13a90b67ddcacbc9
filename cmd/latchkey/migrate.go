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
		RunE: withBackend(func(ctx context.Context, cmd *cobra.Command, o opened) error {
			applied, err := o.backend.database.Migrate(ctx)
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
		RunE: withBackend(func(ctx context.Context, cmd *cobra.Command, o opened) error {
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

// migrateAtStart migrates, and waits for a database that is still starting.
func migrateAtStart(ctx context.Context, b backend, log *slog.Logger) error {
	deadline := time.After(startTimeout)
	for {
		applied, err := b.database.Migrate(ctx)
		if len(applied) > 0 {
			log.Info("migrated", "applied", applied)
		}
		if err == nil || !errors.Is(err, repository.ErrUnavailable) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		log.Warn("the database is away; trying again", "error", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline:
			return fmt.Errorf("the database was away for %s: %w", startTimeout, err)
		case <-time.After(time.Second):
		}
	}
}
