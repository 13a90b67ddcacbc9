package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latchkey/internal/app"
	"latchkey/internal/catalog"
	"latchkey/repository"
	"latchkey/service/account"
	"latchkey/service/mail"
)

func mailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "mail",
		Short:   "Preview, test, list and retry mails",
		Example: "  latchkey mail preview reset_password --locale ko\n  latchkey mail list --state dead",
	}
	cmd.AddCommand(mailPreviewCommand(), mailTestCommand(), mailListCommand(), mailRetryCommand())
	return cmd
}

// localeFlag adds the flag for the language of a mail.
func localeFlag(cmd *cobra.Command, locale *string) {
	cmd.Flags().StringVar(locale, "locale", catalog.Default, "language: "+strings.Join(catalog.Locales(), ", "))
}

func checkLocale(locale string) error {
	if !catalog.Known(locale) {
		return fmt.Errorf("--locale: must be one of %s", strings.Join(catalog.Locales(), ", "))
	}
	return nil
}

func kindNames() string {
	names := make([]string, len(mail.Kinds()))
	for i, k := range mail.Kinds() {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

func mailPreviewCommand() *cobra.Command {
	var locale string
	var html bool
	cmd := &cobra.Command{
		Use:   "preview KIND",
		Short: "Print a mail with sample values",
		Long: "Print a mail with sample values, as users get it with these settings: branding.*,\nmail.templates and the URLs of links. It sends nothing, and opens no store.\n\nThe kinds are " +
			kindNames() + ".",
		Example: `  latchkey mail preview reset_password --locale ko
  latchkey mail preview email_changed --html > mail.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := mail.Kind(args[0])
			if !slices.Contains(mail.Kinds(), kind) {
				return fmt.Errorf("unknown kind %q: the kinds are %s", args[0], kindNames())
			}
			if err := checkLocale(locale); err != nil {
				return err
			}
			cfg, err := settings(cmd)
			if err != nil {
				return err
			}
			renderer, err := app.NewRenderer(cfg)
			if err != nil {
				return err
			}
			m, err := renderer.Preview(kind, locale, "ada@example.org", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			if err != nil {
				return err
			}
			if html {
				fmt.Fprint(cmd.OutOrStdout(), m.HTML)
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "From: %s\nTo: %s\nSubject: %s\n\n%s", cfg.Mail.From, m.To, m.Subject, m.Text)
			return nil
		},
	}
	localeFlag(cmd, &locale)
	cmd.Flags().BoolVar(&html, "html", false, "print the HTML part")
	return cmd
}

func mailTestCommand() *cobra.Command {
	var locale string
	cmd := &cobra.Command{
		Use:   "test ADDRESS",
		Short: "Send a test mail now",
		Long: `Send a test mail now, past the outbox, and print the answer of the server. Run it with the
settings of the service. It opens no store.`,
		Example: "  latchkey mail test you@example.org",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, problem := account.EmailKey(args[0]); problem != "" {
				return fmt.Errorf("the address %s", problem)
			}
			if err := checkLocale(locale); err != nil {
				return err
			}
			cfg, err := settings(cmd)
			if err != nil {
				return err
			}
			transport, err := app.NewTransport(cfg)
			if err != nil {
				return err
			}
			if transport == nil {
				return errors.New("no mail server is configured: set mail.url")
			}
			renderer, err := app.NewRenderer(cfg)
			if err != nil {
				return err
			}
			now := environment(nil).Now()
			m, err := renderer.Preview(mail.Test, locale, args[0], now)
			if err != nil {
				return err
			}
			if err := sendNow(cmd.Context(), transport, m); err != nil {
				return fmt.Errorf("%s: %w", transport.Where(), err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "sent to %s by %s\n", args[0], transport.Where())
			return nil
		},
	}
	localeFlag(cmd, &locale)
	return cmd
}

// sendNow sends a mail on a connection of its own.
func sendNow(ctx context.Context, transport mail.Transport, m mail.Mail) error {
	conn, err := transport.Open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Send(ctx, m)
}

// withOutbox opens the outbox for a command.
func withOutbox(f func(context.Context, *cobra.Command, *mail.Outbox) error) func(*cobra.Command, []string) error {
	return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
		signing, err := o.NewSigning(false)
		if err != nil {
			return err
		}
		return f(ctx, cmd, o.NewOutbox(signing))
	})
}

func mailListCommand() *cobra.Command {
	var state string
	var limit int
	var asJSON bool
	states := []string{string(repository.MessageQueued), string(repository.MessageSent), string(repository.MessageDropped), string(repository.MessageDead)}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the mails in the outbox, newest first",
		Long: `List the mails in the outbox, newest first, with the reason of the last failure. Addresses
are shortened. Rows are deleted 7 days after their end.`,
		Example: "  latchkey mail list\n  latchkey mail list --state dead --json",
		Args:    cobra.NoArgs,
		RunE: withOutbox(func(ctx context.Context, cmd *cobra.Command, outbox *mail.Outbox) error {
			if state != "" && !slices.Contains(states, state) {
				return fmt.Errorf("--state: must be one of %s", strings.Join(states, ", "))
			}
			if limit < 1 {
				return errors.New("--limit: must be 1 or more")
			}
			list, err := outbox.List(ctx, repository.MessageState(state), limit)
			if err != nil {
				return err
			}
			for _, m := range list {
				if err := printMessage(cmd, m, asJSON); err != nil {
					return err
				}
			}
			if !asJSON {
				fmt.Fprintln(cmd.OutOrStdout(), counted(len(list), "mail"))
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&state, "state", "", strings.Join(states, ", "))
	cmd.Flags().IntVar(&limit, "limit", 100, "maximum number of mails")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// printMessage prints a message on one line.
func printMessage(cmd *cobra.Command, m mail.Listed, asJSON bool) error {
	if asJSON {
		object := map[string]any{
			"id": m.ID, "kind": m.Kind, "state": m.State, "attempts": m.Attempts, "createdAt": m.CreatedAt.Format(time.RFC3339),
			"expiresAt": m.ExpiresAt.Format(time.RFC3339),
		}
		for name, value := range map[string]string{"user": m.UserID, "to": m.To, "reason": m.Reason} {
			if value != "" {
				object[name] = value
			}
		}
		if m.State == repository.MessageQueued {
			object["dueAt"] = m.DueAt.Format(time.RFC3339)
		}
		return json.NewEncoder(cmd.OutOrStdout()).Encode(object)
	}
	line := fmt.Sprintf("%s  %s  %s  %s  attempts %d", m.ID, minute(m.CreatedAt), m.State, m.Kind, m.Attempts)
	if m.To != "" {
		line += "  to " + m.To
	}
	if m.State == repository.MessageQueued {
		line += "  due " + minute(m.DueAt)
	}
	if m.Reason != "" {
		line += "  " + m.Reason
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), line)
	return err
}

func mailRetryCommand() *cobra.Command {
	var all bool
	var ids []string
	cmd := &cobra.Command{
		Use:   "retry [ID]...",
		Short: "Send mails that are dead again",
		Long: `Send mails that are dead again, for 24 hours or until their link expires. A mail with an
expired link cannot be retried: the user must ask for a new one.`,
		Example: "  latchkey mail retry 0195513f-4c00-7b21-9e52-6f1c8f0d2a11\n  latchkey mail retry --all",
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return errors.New("name the IDs of mails, or use --all")
			}
			ids = args
			return nil
		},
		RunE: withOutbox(func(ctx context.Context, cmd *cobra.Command, outbox *mail.Outbox) error {
			if all {
				list, err := outbox.List(ctx, repository.MessageDead, 10_000)
				if err != nil {
					return err
				}
				for _, m := range list {
					ids = append(ids, m.ID)
				}
			}
			retried := 0
			for _, id := range ids {
				err := outbox.Retry(ctx, id)
				switch {
				case err == nil:
					retried++
				case all:
					fmt.Fprintf(cmd.ErrOrStderr(), "latchkey: %s: %s\n", id, err)
				default:
					return err
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s will be sent again\n", counted(retried, "mail"))
			return nil
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "every dead mail")
	return cmd
}
