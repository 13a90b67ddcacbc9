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
		Short: "Check whether the clock is trusted, or accept it",
		Long: `Check whether the clock of this machine is trusted, or accept it.

Latchkey deletes expired records only by a clock that it trusts. With Postgres it
compares its clock with the clock of the database server. With SQLite it compares
its clock with the newest time in the database. While the clock is behind that time,
or more than a day ahead of it, Latchkey deletes nothing: set the clock, or accept it.`,
		Example: "  latchkey clock status\n  latchkey clock accept",
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "status",
		Short:   "Show the time of this machine and the time of the database",
		Example: "  latchkey clock status",
		Args:    cobra.NoArgs,
		RunE: withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
			o.Clock.Start(ctx)
			ahead, _, why := o.Clock.State()
			fmt.Fprintf(cmd.OutOrStdout(), "this machine  %s\n", o.Clock.Now().UTC().Format(time.RFC3339))
			if o.Stores.Clock != nil {
				fmt.Fprintf(cmd.OutOrStdout(), "database      %s (maximum difference: %s)\n",
					o.Clock.Now().Add(-ahead).UTC().Format(time.RFC3339), o.Clock.Limit())
			}
			if why == nil {
				fmt.Fprintln(cmd.OutOrStdout(), "the clock is trusted")
			}
			return why
		}),
	}, &cobra.Command{
		Use:   "accept",
		Short: "Accept the clock of this machine (embedded mode)",
		Long: `Accept the clock of this machine in embedded mode. From now on expired records are
deleted by this clock. A running service follows within seconds.`,
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
