package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func clockCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "clock",
		Short: "Show whether the clock of this machine is trusted, or declare it right",
		Long: `Show whether the clock of this machine is trusted, or declare it right.

Latchkey deletes expired records only by a clock that it trusts. With Postgres it
compares its clock with the clock of the database server. With SQLite it compares
its clock with the newest time in the database. While the clock is behind that time,
or more than a day ahead of it, Latchkey deletes nothing: set the clock, or accept it.`,
		Example: "  latchkey clock status\n  latchkey clock accept",
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "status",
		Short:   "Show the time of this machine and of the database",
		Example: "  latchkey clock status",
		Args:    cobra.NoArgs,
		RunE: withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
			o.Clock.Start(ctx)
			ahead, _, why := o.Clock.State()
			fmt.Fprintf(cmd.OutOrStdout(), "this machine  %s\n", o.Clock.Now().UTC().Format(time.RFC3339))
			if o.Stores.Clock != nil {
				fmt.Fprintf(cmd.OutOrStdout(), "database      %s (%s is the most that they may differ)\n",
					o.Clock.Now().Add(-ahead).UTC().Format(time.RFC3339), o.Clock.Limit())
			}
			if why == nil {
				fmt.Fprintln(cmd.OutOrStdout(), "the clock is trusted")
			}
			return why
		}),
	}, &cobra.Command{
		Use:   "accept",
		Short: "Declare the clock of this machine right (embedded mode)",
		Long: `Declare the clock of this machine right, in the embedded mode: expired records are
deleted by it from now on. A running service notices within seconds.`,
		Example: "  latchkey clock accept",
		Args:    cobra.NoArgs,
		RunE: withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
			if err := o.Clock.Accept(ctx); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "accepted %s\n", o.Clock.Now().UTC().Format(time.RFC3339))
			return nil
		}),
	})
	return cmd
}
