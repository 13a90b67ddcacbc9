package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"latchkey/service"
)

func clientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "client",
		Short: "Manage OAuth clients",
		Long: `Manage the programs that get tokens at /oauth/token. A public client (a browser
or mobile app) has no secret; any other gets one, which is shown once.`,
	}
	cmd.AddCommand(clientCreateCommand(), clientListCommand(), clientRotateCommand(),
		clientDisableCommand("disable", "Switch a client off: it gets no more tokens", true),
		clientDisableCommand("enable", "Switch a client on again", false),
		clientDeleteCommand())
	return cmd
}

func clientCreateCommand() *cobra.Command {
	var spec service.ClientSpec
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a client, and print its secret once",
		Example: `  latchkey client create --id shop-spa --name "Shop" --public --grant authorization_code --grant refresh_token --redirect-uri https://shop.example/cb --scope orders:read
  latchkey client create --id jobs --grant client_credentials --scope jobs
  latchkey client create --id phone --public --first-party --grant password --grant refresh_token --scope account`,
		Args: cobra.NoArgs,
		RunE: withClients(func(ctx context.Context, cmd *cobra.Command, clients *service.Clients) error {
			made, secret, err := clients.Create(ctx, spec, nil, operator)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "client_id      %s\n", made.ID)
			printSecret(cmd.OutOrStdout(), secret)
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&spec.ID, "id", "", "client_id, of A-Z, a-z, 0-9, - and _ (default: drawn)")
	f.StringVar(&spec.Name, "name", "", "name that users are shown")
	f.BoolVar(&spec.Public, "public", false, "it can keep no secret: a browser or mobile app")
	f.BoolVar(&spec.FirstParty, "first-party", false, "it is yours: users are not asked for consent, and it may have the grant password")
	f.StringArrayVar(&spec.Grants, "grant", nil, "grant_type that it may use, repeatable: "+strings.Join(service.Grants(), ", "))
	f.StringArrayVar(&spec.Scopes, "scope", nil, "scope that it may ask for, repeatable; account is for the account routes of the API")
	f.StringArrayVar(&spec.RedirectURIs, "redirect-uri", nil, "exact redirect URI, repeatable; the port of a loopback address is free")
	f.DurationVar(&spec.AccessTTL, "access-ttl", 0, "lifetime of its access tokens (default: tokens.access_ttl)")
	f.DurationVar(&spec.IdleTTL, "idle-ttl", 0, "how long its sessions live unused, at most refresh.idle_ttl")
	f.DurationVar(&spec.AbsoluteTTL, "absolute-ttl", 0, "how long its sessions live, at most refresh.absolute_ttl")
	_ = cmd.MarkFlagRequired("grant") // the flag exists
	return cmd
}

// printSecret shows a secret, where there is one.
func printSecret(w io.Writer, secret service.ClientSecret) {
	if secret != "" {
		fmt.Fprintf(w, "client_secret  %s\nIt is not shown again.\n", string(secret))
	}
}

func clientListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the clients",
		Example: "  latchkey client list",
		Args:    cobra.NoArgs,
		RunE: withClients(func(ctx context.Context, cmd *cobra.Command, clients *service.Clients) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "CLIENT_ID\tNAME\tKIND\tGRANTS\tSCOPES\tREDIRECT URIS")
			const page = 100
			for after := ""; ; {
				list, err := clients.List(ctx, after, page)
				if err != nil {
					return err
				}
				for _, c := range list {
					after = c.ID
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.ID, c.Name, kindOf(c), strings.Join(c.Grants, " "),
						strings.Join(c.Scopes, " "), strings.Join(c.RedirectURIs, " "))
				}
				if len(list) < page {
					return w.Flush()
				}
			}
		}),
	}
}

func kindOf(c service.Client) string {
	kind := "confidential"
	if c.Public {
		kind = "public"
	}
	if c.FirstParty {
		kind += ", first-party"
	}
	if c.Disabled {
		kind += ", disabled"
	}
	return kind
}

func clientRotateCommand() *cobra.Command {
	var keep time.Duration
	cmd := &cobra.Command{
		Use:     "rotate-secret CLIENT_ID",
		Short:   "Give a client a new secret, and keep the old one for a while",
		Example: "  latchkey client rotate-secret jobs\n  latchkey client rotate-secret jobs --keep 0s",
		Args:    cobra.ExactArgs(1),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withClients(func(ctx context.Context, cmd *cobra.Command, clients *service.Clients) error {
			secret, err := clients.RotateSecret(ctx, args[0], keep, nil, operator)
			if err != nil {
				return err
			}
			printSecret(cmd.OutOrStdout(), secret)
			return nil
		})(cmd, args)
	}
	cmd.Flags().DurationVar(&keep, "keep", service.KeepSecret, "how long the secret before it stays good")
	return cmd
}

func clientDisableCommand(name, short string, disable bool) *cobra.Command {
	return &cobra.Command{
		Use:     name + " CLIENT_ID",
		Short:   short,
		Example: "  latchkey client " + name + " jobs",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClients(func(ctx context.Context, cmd *cobra.Command, clients *service.Clients) error {
				_, err := clients.Change(ctx, args[0], func(spec *service.ClientSpec) { spec.Disabled = disable }, nil, operator)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "%sd %s\n", name, args[0])
				}
				return err
			})(cmd, args)
		},
	}
}

func clientDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "delete CLIENT_ID",
		Short:   "Delete a client for good; its id cannot be used again",
		Example: "  latchkey client delete jobs",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClients(func(ctx context.Context, cmd *cobra.Command, clients *service.Clients) error {
				err := clients.Delete(ctx, args[0], nil, operator)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "deleted %s\n", args[0])
				}
				return err
			})(cmd, args)
		},
	}
}

// withClients opens the stores for a command about clients.
func withClients(f func(context.Context, *cobra.Command, *service.Clients) error) func(*cobra.Command, []string) error {
	return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
		return f(ctx, cmd, service.NewClients(o.backend.store.Clients, o.backend.clock.Now, o.log))
	})
}
