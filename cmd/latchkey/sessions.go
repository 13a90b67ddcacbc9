package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/session"
)

func sessionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sessions",
		Short:   "List and end sessions",
		Example: "  latchkey sessions list --user ada\n  latchkey sessions revoke --user ada",
	}
	cmd.AddCommand(sessionsListCommand(), sessionsRevokeCommand())
	return cmd
}

func sessionsListCommand() *cobra.Command {
	var user string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the active sessions of a user",
		Example: "  latchkey sessions list --user ada\n  latchkey sessions list --user ada --json | jq -r .agent",
		Args:    cobra.NoArgs,
		RunE: withSessions(func(ctx context.Context, cmd *cobra.Command, o opened, sessions *session.Service) error {
			account, err := o.FindAccount(ctx, user)
			if err != nil {
				return err
			}
			devices, err := sessions.List(ctx, account.ID)
			if err != nil {
				return err
			}
			for _, d := range devices {
				if asJSON {
					if err := printSession(cmd.OutOrStdout(), d); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s  login %s  used %s  until %s  %s  %s\n", d.ID, minute(d.CreatedAt),
					minute(d.UsedAt), minute(d.ExpiresAt), d.Address, d.Agent)
			}
			if !asJSON {
				fmt.Fprintln(cmd.OutOrStdout(), counted(len(devices), "session"))
			}
			return nil
		}),
	}
	userFlag(cmd, &user)
	jsonFlag(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("user") // the flag exists
	return cmd
}

// printSession writes a session as JSON, in the form of the API.
func printSession(w io.Writer, s session.Session) error {
	return json.NewEncoder(w).Encode(map[string]string{
		"id": s.ID, "createdAt": s.CreatedAt.UTC().Format(time.RFC3339Nano), "lastUsedAt": s.UsedAt.UTC().Format(time.RFC3339Nano),
		"expiresAt": s.ExpiresAt.UTC().Format(time.RFC3339Nano), "address": s.Address, "agent": s.Agent, "clientId": s.ClientID,
	})
}

func sessionsRevokeCommand() *cobra.Command {
	var user, id string
	var all bool
	cmd := &cobra.Command{
		Use:   "revoke",
		Short: "End one session, all sessions of a user, or all sessions",
		Long: `End one session, all sessions of a user, or (with --all) the sessions of all users. Use
--all after you restored the database from a backup: sessions that were ended after the
backup would be active again. Latchkey refuses the access tokens of an ended session at
once; other services accept them until they expire.`,
		Example: `  latchkey sessions revoke --user ada --session 0192a4b2-…
  latchkey sessions revoke --user ada
  latchkey sessions revoke --all`,
		Args: cobra.NoArgs,
		RunE: withSessions(func(ctx context.Context, cmd *cobra.Command, o opened, sessions *session.Service) error {
			if all {
				users, err := sessions.RevokeEveryone(ctx, audit.Operator())
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "ended all sessions of %s\n", counted(users, "user"))
				}
				return err
			}
			found, err := o.FindAccount(ctx, user)
			switch {
			case err != nil:
				return err
			case id != "":
				err = sessions.Revoke(ctx, found.ID, id, account.Caller{}, audit.Operator())
			default:
				err = sessions.RevokeAll(ctx, found.ID, account.Caller{}, audit.Operator())
			}
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), "ended")
			}
			return err
		}),
	}
	userFlag(cmd, &user)
	cmd.Flags().StringVar(&id, "session", "", "ID of one session of the user")
	cmd.Flags().BoolVar(&all, "all", false, "all users")
	cmd.MarkFlagsOneRequired("user", "all")
	cmd.MarkFlagsMutuallyExclusive("user", "all")
	cmd.MarkFlagsMutuallyExclusive("session", "all")
	return cmd
}

// userFlag adds the flag for the user of a command.
func userFlag(cmd *cobra.Command, user *string) {
	cmd.Flags().StringVar(user, "user", "", "username or email address")
}

// withSessions opens the stores for a command about accounts and sessions.
func withSessions(f func(context.Context, *cobra.Command, opened, *session.Service) error) func(*cobra.Command, []string) error {
	return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
		signing, err := o.NewSigning(false)
		if err != nil {
			return err
		}
		return f(ctx, cmd, o, signing.Sessions)
	})
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }
