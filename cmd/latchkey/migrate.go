package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "migrate",
		Short:   "Apply or list schema migrations",
		Long:    "Apply or list schema migrations. The service applies them at its start; these commands\napply them before.",
		Example: "  latchkey migrate status\n  latchkey migrate up",
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "up",
		Short:   "Apply all pending migrations",
		Example: "  latchkey migrate up",
		Args:    cobra.NoArgs,
		RunE: withBackend(true, func(ctx context.Context, cmd *cobra.Command, o opened) error {
			applied, err := o.Stores.Migrate(ctx, func(text string) { // not in the log, which may have the level error
				fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: %s; %s\n", text, o.Stores.Where)
			})
			for _, name := range applied {
				fmt.Fprintln(cmd.OutOrStdout(), "applied", name)
			}
			if err == nil && len(applied) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to do: the schema is up to date")
			}
			return err
		}),
	}, &cobra.Command{
		Use:     "status",
		Short:   "List applied and pending migrations",
		Example: "  latchkey migrate status",
		Args:    cobra.NoArgs,
		RunE: withBackend(false, func(ctx context.Context, cmd *cobra.Command, o opened) error {
			pending, applied, err := o.Stores.Schema.Pending(ctx)
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
