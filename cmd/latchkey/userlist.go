package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"latchkey/service/directory"
)

// jsonFlag adds the flag for JSON output.
func jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "JSON output, one object per line")
}

// withUsers opens the stores for a command about the accounts of users.
func withUsers(f func(context.Context, *cobra.Command, opened, *directory.Service) error) func(*cobra.Command, []string) error {
	return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
		signing, err := o.NewSigning(false)
		if err != nil {
			return err
		}
		return f(ctx, cmd, o, o.NewDirectory(signing))
	})
}

// withUser is withUsers for a command about one user, whose name is in the flag --user.
func withUser(name *string, f func(context.Context, *cobra.Command, *directory.Service, directory.User) error) func(*cobra.Command, []string) error {
	return withUsers(func(ctx context.Context, cmd *cobra.Command, o opened, users *directory.Service) error {
		found, err := o.FindAccount(ctx, *name)
		if err != nil {
			return err
		}
		u, err := users.Find(ctx, found.ID)
		if err != nil {
			return err
		}
		return f(ctx, cmd, users, u)
	})
}

// printUser writes a user as JSON, in the form of the API.
func printUser(w io.Writer, u directory.User) error {
	object := map[string]any{
		"id": u.ID, "username": u.Username, "email": u.Email, "emailVerified": u.EmailVerified, "privilege": u.Privilege,
		"disabled": u.Disabled, "disabledReason": u.DisabledReason, "locale": u.Locale,
		"createdAt": u.CreatedAt.UTC().Format(time.RFC3339Nano), "updatedAt": u.UpdatedAt.UTC().Format(time.RFC3339Nano),
	}
	if !u.ResetLinkIssuedAt.IsZero() {
		object["resetLinkIssuedAt"] = u.ResetLinkIssuedAt.UTC().Format(time.RFC3339Nano)
	}
	return json.NewEncoder(w).Encode(object)
}

func userListCommand() *cobra.Command {
	var q directory.Query
	var since string
	var privilege, limit int
	var disabled, verified, asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List and search accounts",
		Long: `List the accounts, newest first. --query selects the accounts whose username or email
address starts with a text, in alphabetical order. The other flags select further.
--created-after is a time (2026-11-01 or 2026-11-01T12:00:00Z) or an age (24h, 7d).`,
		Example: `  latchkey user list --query ada
  latchkey user list --privilege 2
  latchkey user list --disabled --limit 0 --json | jq -r .email
  latchkey user list --verified=false --created-after 7d`,
		Args: cobra.NoArgs,
		RunE: withUsers(func(ctx context.Context, cmd *cobra.Command, o opened, users *directory.Service) error {
			if limit < 0 {
				return errors.New("--limit: must be 0 (no limit) or more")
			}
			var err error
			if q.CreatedAfter, err = moment(since, o.Clock.Now()); err != nil {
				return fmt.Errorf("--created-after: %w", err)
			}
			for flag, set := range map[string]func(){
				"privilege": func() { q.Privilege = &privilege },
				"disabled":  func() { q.Disabled = &disabled },
				"verified":  func() { q.Verified = &verified },
			} {
				if cmd.Flags().Changed(flag) {
					set()
				}
			}
			show, done := userTable(cmd.OutOrStdout())
			if asJSON {
				show, done = func(u directory.User) error { return printUser(cmd.OutOrStdout(), u) }, func() error { return nil }
			}
			n, err := eachUser(ctx, users, q, limit, show)
			if err != nil {
				return err
			}
			if err := done(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: %s\n", counted(n, "account"))
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&q.Text, "query", "", "start of a username or of an email address")
	f.IntVar(&privilege, "privilege", 0, "only accounts with this privilege")
	f.BoolVar(&disabled, "disabled", false, "only disabled accounts; --disabled=false: only enabled ones")
	f.BoolVar(&verified, "verified", false, "only accounts with a verified address; --verified=false: only the rest")
	f.StringVar(&since, "created-after", "", "time or age of the oldest account")
	f.IntVar(&limit, "limit", 100, "maximum number of accounts; 0: no limit")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// eachUser calls show with the users that match a query, at most limit (0: all), and returns their number.
func eachUser(ctx context.Context, users *directory.Service, q directory.Query, limit int, show func(directory.User) error) (n int, err error) {
	for {
		q.Limit = directory.MaxLimit
		if limit > 0 {
			q.Limit = min(q.Limit, limit-n)
		}
		page, err := users.List(ctx, q)
		if err != nil {
			return n, err
		}
		for _, u := range page.Users {
			if err := show(u); err != nil {
				return n, err
			}
			n++
		}
		if q.Cursor = page.Cursor; q.Cursor == "" || n == limit {
			return n, nil
		}
	}
}

// userTable returns functions that write a table of users: one for each row, and one for the end.
func userTable(w io.Writer) (row func(directory.User) error, done func() error) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tUSERNAME\tEMAIL\tPRIVILEGE\tCREATED\tSTATE")
	return func(u directory.User) error {
		_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", u.ID, u.Username, u.Email, u.Privilege, minute(u.CreatedAt), stateOf(u))
		return err
	}, table.Flush
}

// stateOf describes the exceptional states of a user.
func stateOf(u directory.User) string {
	state := ""
	if u.Disabled {
		state = "disabled"
		if u.DisabledReason != "" {
			state += fmt.Sprintf(" (%q)", u.DisabledReason)
		}
	}
	if !u.EmailVerified {
		if state != "" {
			state += ", "
		}
		state += "address not verified"
	}
	return state
}

func userShowCommand() *cobra.Command {
	var user string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show an account",
		Example: "  latchkey user show --user ada\n  latchkey user show --user ada@example.org --json",
		Args:    cobra.NoArgs,
		RunE: withUser(&user, func(_ context.Context, cmd *cobra.Command, _ *directory.Service, u directory.User) error {
			if asJSON {
				return printUser(cmd.OutOrStdout(), u)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, row := range [][2]string{
				{"id", u.ID},
				{"username", u.Username},
				{"email", u.Email},
				{"privilege", fmt.Sprint(u.Privilege)},
				{"language", u.Locale},
				{"created", minute(u.CreatedAt)},
				{"changed", minute(u.UpdatedAt)},
				{"state", stateOf(u)},
			} {
				fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
			}
			return table.Flush()
		}),
	}
	userFlag(cmd, &user)
	jsonFlag(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("user") // the flag exists
	return cmd
}
