package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/directory"
	"latchkey/service/password"
)

func userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "user",
		Short:   "Manage accounts",
		Example: "  latchkey user create --username ada --email ada@example.org --privilege 2",
	}
	cmd.AddCommand(userListCommand(), userShowCommand(), userCreateCommand(), userRenameCommand(), userSetPrivilegeCommand(),
		userSetPasswordCommand(), userResetLinkCommand(), userDeleteCommand(),
		userDisableCommand("disable", "Disable an account and end its sessions", true),
		userDisableCommand("enable", "Enable a disabled account", false))
	return cmd
}

func userCreateCommand() *cobra.Command {
	var username, email string
	var privilege int
	var verified, asJSON bool
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create an account (use --privilege 2 for the first administrator)",
		Long: `Create an account with any privilege in the database of the service. Run the command
with the settings of the service. It prompts for the password on a terminal, else it
reads the password from standard input. The password is never an argument: other users
of the machine can see arguments.`,
		Example: `  latchkey user create --username ada --email ada@example.org --privilege 2
  pass show latchkey/ada | latchkey user create --username ada --email ada@example.org`,
		Args: cobra.NoArgs,
		RunE: withPassword(func(ctx context.Context, cmd *cobra.Command, o opened, typed newPassword) error {
			signing, err := o.NewSigning(true)
			if err != nil {
				return err
			}
			account, err := o.NewAccounts(signing, typed.policy, typed.hasher).CreateAsOperator(ctx, account.Registration{
				Username: username, Email: email, Password: typed.Password, Privilege: privilege, Verified: verified, From: audit.Operator(),
			})
			if err != nil {
				return err
			}
			return userDone(cmd, asJSON, directory.User{Account: account}, "created %s (%s), privilege %d", account.Username, account.ID, account.Privilege)
		}),
	}
	cmd.Flags().StringVar(&username, "username", "", "username for the login")
	cmd.Flags().StringVar(&email, "email", "", "email address")
	cmd.Flags().BoolVar(&verified, "verified", false, "count the email address as verified")
	cmd.Flags().IntVar(&privilege, "privilege", 0, "privilege: 0 user, 1 manager, 2 administrator")
	jsonFlag(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("username") // the flags exist
	_ = cmd.MarkFlagRequired("email")
	return cmd
}

func userSetPasswordCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "set-password",
		Short: "Set the password of an account and end its sessions",
		Long: `Set the password of an account, for a user who has lost it. All sessions of the user end,
and no device of the user is trusted any more. The command prompts for the password on a
terminal, else it reads the password from standard input. The password is never an
argument: other users of the machine can see arguments.`,
		Example: `  latchkey user set-password --user ada
  pass show latchkey/ada | latchkey user set-password --user ada@example.org`,
		Args: cobra.NoArgs,
		RunE: withPassword(func(ctx context.Context, cmd *cobra.Command, o opened, typed newPassword) error {
			signing, err := o.NewSigning(false)
			if err != nil {
				return err
			}
			account, err := o.FindAccount(ctx, user)
			if err != nil {
				return err
			}
			if err := o.NewChanges(signing, typed.policy, typed.hasher).SetPassword(ctx, account.ID, typed.Password, audit.Operator()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "set the password of %s and ended all sessions\n", account.Username)
			return nil
		}),
	}
	userFlag(cmd, &user)
	_ = cmd.MarkFlagRequired("user") // the flag exists
	return cmd
}

func userResetLinkCommand() *cobra.Command {
	var user string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reset-link",
		Short: "Print a link with which a user sets a new password",
		Long: `Print a link to pass on to a user who has lost the password. The link can be used once,
within an hour. It works for every account, with and without a mail server. The audit
log records it, and the user sees when it was issued.`,
		Example: "  latchkey user reset-link --user ada\n  latchkey user reset-link --user ada@example.org --json",
		Args:    cobra.NoArgs,
		RunE: withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
			signing, err := o.NewSigning(false)
			if err != nil {
				return err
			}
			account, err := o.FindAccount(ctx, user)
			if err != nil {
				return err
			}
			issued, err := o.NewRecovery(signing, nil, password.Policy{}, nil).Issue(ctx, account.ID, audit.Operator())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{
					"user": account.ID, "link": issued.URL, "expiresAt": issued.ExpiresAt.UTC().Format(time.RFC3339),
				})
			}
			fmt.Fprintln(cmd.OutOrStdout(), issued.URL)
			fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: a link for %s, which can be used once until %s\n", account.Username, minute(issued.ExpiresAt))
			return nil
		}),
	}
	userFlag(cmd, &user)
	jsonFlag(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("user") // the flag exists
	return cmd
}

// newPassword is a password that an operator typed, with what a service needs to store it.
type newPassword struct {
	password.Password
	policy password.Policy
	hasher *password.Hasher
}

// withPassword reads a new password, and then opens the stores for a command.
func withPassword(f func(context.Context, *cobra.Command, opened, newPassword) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		typed, err := readPassword(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
			policy, err := o.PasswordPolicy()
			if err != nil {
				return err
			}
			hasher := o.NewHasher()
			defer hasher.Close()
			return f(ctx, cmd, o, newPassword{password.New(typed), policy, hasher})
		})(cmd, args)
	}
}

// readPassword prompts twice for a password on a terminal. From any other input it reads one
// line, without the line ending.
func readPassword(ctx context.Context, stdin io.Reader, prompt io.Writer) (string, error) {
	f, ok := stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		text, err := io.ReadAll(io.LimitReader(stdin, 4096))
		if err != nil {
			return "", fmt.Errorf("read the password from standard input: %w", err)
		}
		password := strings.TrimPrefix(string(text), "\uFEFF") // some shells write a byte order mark
		password = strings.TrimSuffix(strings.TrimSuffix(password, "\n"), "\r")
		switch {
		case password == "":
			return "", errors.New("no password on standard input: pipe one, or run this on a terminal")
		case strings.ContainsAny(password, "\r\n"):
			return "", errors.New("standard input has more than one line: pipe only the password")
		}
		return password, nil
	}
	before, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	ask := func(question string) (string, error) {
		fmt.Fprint(prompt, question)
		typed, failed := make(chan string, 1), make(chan error, 1)
		go func() {
			b, err := term.ReadPassword(int(f.Fd()))
			typed <- string(b)
			failed <- err
		}()
		defer fmt.Fprintln(prompt)
		select {
		case password := <-typed:
			return password, <-failed
		case <-ctx.Done(): // the read continues, but the terminal must echo again
			return "", errors.Join(context.Cause(ctx), term.Restore(int(f.Fd()), before))
		}
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask("Repeat the password: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}
