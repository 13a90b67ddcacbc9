package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/directory"
)

// userDone writes the result of a change: the user as JSON, or a sentence.
func userDone(cmd *cobra.Command, asJSON bool, u directory.User, sentence string, args ...any) error {
	if asJSON {
		return printUser(cmd.OutOrStdout(), u)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), sentence+"\n", args...)
	return err
}

func userSetPrivilegeCommand() *cobra.Command {
	var user string
	var privilege int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "set-privilege",
		Short: "Set the privilege of an account",
		Long: `Set the privilege of an account. It is in the access tokens that the user gets from now
on. This service refuses a token with a higher privilege than the account has; other
services accept it until it expires.`,
		Example: "  latchkey user set-privilege --user ada --privilege 1",
		Args:    cobra.NoArgs,
		RunE: withUser(&user, func(ctx context.Context, cmd *cobra.Command, users *directory.Service, u directory.User) error {
			changed, err := users.Change(ctx, u.ID, directory.Change{Privilege: &privilege}, account.Caller{}, audit.Operator())
			if err != nil {
				return err
			}
			return userDone(cmd, asJSON, changed, "%s has privilege %d", changed.Username, changed.Privilege)
		}),
	}
	userFlag(cmd, &user)
	cmd.Flags().IntVar(&privilege, "privilege", 0, "privilege: 0 user, 1 manager, 2 administrator")
	jsonFlag(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("user") // the flags exist
	_ = cmd.MarkFlagRequired("privilege")
	return cmd
}

func userRenameCommand() *cobra.Command {
	var user, username, email string
	var verified, asJSON bool
	cmd := &cobra.Command{
		Use:   "rename",
		Short: "Change the username or the email address of an account",
		Long: `Change the username or the email address of an account. A new address is not verified,
unless you vouch for it with --verified.`,
		Example: `  latchkey user rename --user ada --username grace
  latchkey user rename --user ada --email ada@new.example.org --verified`,
		Args: cobra.NoArgs,
		RunE: withUser(&user, func(ctx context.Context, cmd *cobra.Command, users *directory.Service, u directory.User) error {
			var c directory.Change
			if cmd.Flags().Changed("username") {
				c.Username = &username
			}
			if cmd.Flags().Changed("email") {
				c.Email = &email
			}
			if verified {
				c.Verified = &verified
			}
			changed, err := users.Change(ctx, u.ID, c, account.Caller{}, audit.Operator())
			if err != nil {
				return err
			}
			return userDone(cmd, asJSON, changed, "renamed %s to %s (%s)", u.Username, changed.Username, changed.Email)
		}),
	}
	userFlag(cmd, &user)
	cmd.Flags().StringVar(&username, "username", "", "new username")
	cmd.Flags().StringVar(&email, "email", "", "new email address")
	cmd.Flags().BoolVar(&verified, "verified", false, "count the email address as verified")
	jsonFlag(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("user") // the flag exists
	cmd.MarkFlagsOneRequired("username", "email")
	return cmd
}

func userDeleteCommand() *cobra.Command {
	var user string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete an account and end its sessions",
		Long: `Delete an account and end its sessions. The username and the email address are free again.
The audit log keeps the ID of the user. To keep the account, use disable.`,
		Example: "  latchkey user delete --user ada",
		Args:    cobra.NoArgs,
		RunE: withUser(&user, func(ctx context.Context, cmd *cobra.Command, users *directory.Service, u directory.User) error {
			if err := users.Remove(ctx, u.ID, u.Version, account.Caller{}, audit.Operator()); err != nil {
				return err
			}
			return userDone(cmd, asJSON, u, "deleted %s (%s)", u.Username, u.ID)
		}),
	}
	userFlag(cmd, &user)
	jsonFlag(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("user") // the flag exists
	return cmd
}

func userDisableCommand(name, short string, disable bool) *cobra.Command {
	var user, reason string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     name,
		Short:   short,
		Example: "  latchkey user " + name + " --user ada",
		Args:    cobra.NoArgs,
		RunE: withUser(&user, func(ctx context.Context, cmd *cobra.Command, users *directory.Service, u directory.User) error {
			c := directory.Change{Disabled: &disable}
			if reason != "" {
				c.DisabledReason = &reason
			}
			changed, err := users.Change(ctx, u.ID, c, account.Caller{}, audit.Operator())
			if err != nil {
				return err
			}
			return userDone(cmd, asJSON, changed, "%sd %s", name, changed.Username)
		}),
	}
	userFlag(cmd, &user)
	if disable {
		cmd.Flags().StringVar(&reason, "reason", "", "reason, which managers and administrators see")
		cmd.Example += "\n  latchkey user disable --user ada --reason \"sends spam\""
	}
	jsonFlag(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("user") // the flag exists
	return cmd
}
