package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/internal/app"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/oauth"
)

func clientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "client",
		Short: "Manage OAuth clients",
		Long: `Manage the programs that get tokens at /oauth/token. A public client (a browser or
mobile app) has no secret. A confidential client has one, which is shown once.`,
		Example: "  latchkey client list\n  latchkey client create --id jobs --grant client_credentials --scope jobs",
	}
	cmd.AddCommand(clientCreateCommand(), clientUpdateCommand(), clientApplyCommand(), clientListCommand(), clientRotateCommand(),
		clientDisableCommand("disable", "Disable a client, so that it gets no more tokens", true),
		clientDisableCommand("enable", "Enable a disabled client", false),
		clientDeleteCommand())
	return cmd
}

func clientCreateCommand() *cobra.Command {
	var spec oauth.ClientSpec
	var secretFile string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a client and print its secret once",
		Example: `  latchkey client create --id shop-spa --name "Shop" --public --grant authorization_code --grant refresh_token --redirect-uri https://shop.example/cb --scope orders:read
  latchkey client create --id jobs --grant client_credentials --scope jobs
  openssl rand -hex 32 | tee jobs.secret | latchkey client create --id jobs --grant client_credentials --secret-file -
  latchkey client create --id phone --public --first-party --grant password --grant refresh_token --scope account`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, err := readClientSecret(cmd, secretFile)
			if err != nil {
				return err
			}
			return withClients(func(ctx context.Context, cmd *cobra.Command, clients *oauth.Clients) error {
				made, generated, err := clients.Create(ctx, spec, secret, account.Caller{}, audit.Operator())
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "client_id      %s\n", made.ID)
				if secret == "" {
					printSecret(cmd.OutOrStdout(), generated)
				}
				return nil
			})(cmd, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&spec.ID, "id", "", "client_id, of A-Z, a-z, 0-9, - and _ (default: generated)")
	f.BoolVar(&spec.Public, "public", false, "client without a secret: a browser or mobile app")
	secretFileFlag(cmd, &secretFile)
	specFlags(cmd, &spec)
	_ = cmd.MarkFlagRequired("grant") // the flag exists
	return cmd
}

// specFlags adds the flags for the fields of a client that can be changed.
func specFlags(cmd *cobra.Command, spec *oauth.ClientSpec) {
	f := cmd.Flags()
	f.StringVar(&spec.Name, "name", "", "name that users see")
	f.BoolVar(&spec.FirstParty, "first-party", false, "own client: users are not asked for consent, and the grant password is allowed")
	f.BoolVar(&spec.PKCEOptional, "pkce-optional", false, "authorization codes without PKCE; only for a confidential client")
	f.StringArrayVar(&spec.Grants, "grant", nil, "grant_type of the client, repeatable: "+strings.Join(oauth.Grants(), ", "))
	f.StringArrayVar(&spec.Scopes, "scope", nil, "scope of the client, repeatable; account is for the account routes of the API")
	f.StringArrayVar(&spec.RedirectURIs, "redirect-uri", nil, "exact redirect URI, repeatable; any port for a loopback address")
	f.StringArrayVar(&spec.Audiences, "audience", nil, "audience of its access tokens, repeatable; the first is the default (default: tokens.audience)")
	durationFlag(cmd, &spec.AccessTTL, "access-ttl", 0, "lifetime of its access tokens (default: tokens.access_ttl)")
	durationFlag(cmd, &spec.IdleTTL, "idle-ttl", 0, "idle lifetime of its sessions, at most refresh.idle_ttl")
	durationFlag(cmd, &spec.AbsoluteTTL, "absolute-ttl", 0, "absolute lifetime of its sessions, at most refresh.absolute_ttl")
}

func secretFileFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "secret-file", "", "file with a secret of your choice, - for standard input (default: generated)")
}

// readClientSecret reads the secret that an operator chose. It returns "" if there is none.
func readClientSecret(cmd *cobra.Command, file string) (oauth.ClientSecret, error) {
	if file == "" {
		return "", nil
	}
	text, err := readFile(file, cmd.InOrStdin())
	if err != nil {
		return "", fmt.Errorf("--secret-file: %w", err)
	}
	secret, err := config.ParseSecret(string(text))
	if err != nil {
		return "", fmt.Errorf("--secret-file: %w", err)
	}
	return oauth.ClientSecret(secret.Reveal()), nil
}

func clientUpdateCommand() *cobra.Command {
	var want oauth.ClientSpec
	cmd := &cobra.Command{
		Use:   "update CLIENT_ID",
		Short: "Change a client",
		Long: `Change a client. Settings without a flag stay as they are. A flag with several values
replaces all of them; an empty value removes them: --scope ''.`,
		Example: `  latchkey client update shop --redirect-uri https://shop.example/cb --redirect-uri https://shop.example/new
  latchkey client update jobs --audience https://orders.example --access-ttl 5m`,
		Args: cobra.ExactArgs(1),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().NFlag() == 0 || cmd.Flags().NFlag() == 1 && cmd.Flags().Changed("config") {
			return errors.New("nothing to change: pass a flag such as --scope orders:read")
		}
		return withClients(func(ctx context.Context, cmd *cobra.Command, clients *oauth.Clients) error {
			_, err := clients.Change(ctx, args[0], func(spec *oauth.ClientSpec) { copyChanged(cmd, spec, want) }, account.Caller{}, audit.Operator())
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "changed %s\n", args[0])
			}
			return err
		})(cmd, args)
	}
	specFlags(cmd, &want)
	return cmd
}

// copyChanged copies the fields that were set by flags.
func copyChanged(cmd *cobra.Command, spec *oauth.ClientSpec, want oauth.ClientSpec) {
	some := func(list []string) []string {
		return slices.DeleteFunc(list, func(s string) bool { return s == "" })
	}
	for flag, take := range map[string]func(){
		"name":          func() { spec.Name = want.Name },
		"first-party":   func() { spec.FirstParty = want.FirstParty },
		"pkce-optional": func() { spec.PKCEOptional = want.PKCEOptional },
		"grant":         func() { spec.Grants = some(want.Grants) },
		"scope":         func() { spec.Scopes = some(want.Scopes) },
		"redirect-uri":  func() { spec.RedirectURIs = some(want.RedirectURIs) },
		"audience":      func() { spec.Audiences = some(want.Audiences) },
		"access-ttl":    func() { spec.AccessTTL = want.AccessTTL },
		"idle-ttl":      func() { spec.IdleTTL = want.IdleTTL },
		"absolute-ttl":  func() { spec.AbsoluteTTL = want.AbsoluteTTL },
	} {
		if cmd.Flags().Changed(flag) {
			take()
		}
	}
}

func clientApplyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "apply [FILE]",
		Short: "Create and change clients from a file",
		Long: `Create and change the clients that a file describes. The service does the same at its
start. The default file is oauth.clients_file. Clients that were created from the file
and are not in it any more are disabled. The file is YAML:

  clients:
    - id: shop
      name: Shop
      public: true
      grants: [authorization_code, refresh_token]
      redirect_uris: [https://shop.example/cb]
      scopes: [orders:read]
    - id: jobs
      grants: [client_credentials]
      secret_file: jobs.secret`,
		Example: "  latchkey client apply clients.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
				file := append(args, o.cfg.OAuth.ClientsFile)[0]
				if file == "" {
					return errors.New("no file: pass one, or set oauth.clients_file")
				}
				done, err := app.ApplyClients(ctx, file, o.NewClients(), audit.Operator())
				for _, line := range []struct {
					what string
					ids  []string
				}{
					{"created", done.Created},
					{"changed", done.Changed},
					{"new secret", done.NewSecret},
					{"disabled", done.Disabled},
					{"unchanged", done.Unchanged},
				} {
					if len(line.ids) > 0 {
						fmt.Fprintf(cmd.OutOrStdout(), "%-10s %s\n", line.what, strings.Join(line.ids, " "))
					}
				}
				return err
			})(cmd, args)
		},
	}
}

// printSecret prints a secret, if there is one.
func printSecret(w io.Writer, secret oauth.ClientSecret) {
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
		RunE: withClients(func(ctx context.Context, cmd *cobra.Command, clients *oauth.Clients) error {
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

func kindOf(c oauth.Client) string {
	kind := "confidential"
	if c.Public {
		kind = "public"
	}
	if c.FirstParty {
		kind += ", first-party"
	}
	if c.Managed {
		kind += ", from the file"
	}
	if c.Disabled {
		kind += ", disabled"
	}
	return kind
}

func clientRotateCommand() *cobra.Command {
	var keep time.Duration
	var secretFile string
	cmd := &cobra.Command{
		Use:     "rotate-secret CLIENT_ID",
		Short:   "Generate a new secret for a client and keep the old one for a while",
		Example: "  latchkey client rotate-secret jobs\n  latchkey client rotate-secret jobs --keep 0s",
		Args:    cobra.ExactArgs(1),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		secret, err := readClientSecret(cmd, secretFile)
		if err != nil {
			return err
		}
		return withClients(func(ctx context.Context, cmd *cobra.Command, clients *oauth.Clients) error {
			generated, err := clients.RotateSecret(ctx, args[0], secret, keep, account.Caller{}, audit.Operator())
			switch {
			case err != nil:
				return err
			case secret == "":
				printSecret(cmd.OutOrStdout(), generated)
			default:
				fmt.Fprintf(cmd.OutOrStdout(), "set the secret in %s for %s\n", secretFile, args[0])
			}
			return nil
		})(cmd, args)
	}
	durationFlag(cmd, &keep, "keep", oauth.KeepSecret, "time for which the previous secret stays valid")
	secretFileFlag(cmd, &secretFile)
	return cmd
}

func clientDisableCommand(name, short string, disable bool) *cobra.Command {
	return &cobra.Command{
		Use:     name + " CLIENT_ID",
		Short:   short,
		Example: "  latchkey client " + name + " jobs",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClients(func(ctx context.Context, cmd *cobra.Command, clients *oauth.Clients) error {
				_, err := clients.Change(ctx, args[0], func(spec *oauth.ClientSpec) { spec.Disabled = disable }, account.Caller{}, audit.Operator())
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
		Short:   "Delete a client permanently; its ID cannot be used again",
		Example: "  latchkey client delete jobs",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClients(func(ctx context.Context, cmd *cobra.Command, clients *oauth.Clients) error {
				err := clients.Delete(ctx, args[0], account.Caller{}, audit.Operator())
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "deleted %s\n", args[0])
				}
				return err
			})(cmd, args)
		},
	}
}

// withClients opens the stores for a command about clients.
func withClients(f func(context.Context, *cobra.Command, *oauth.Clients) error) func(*cobra.Command, []string) error {
	return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
		return f(ctx, cmd, o.NewClients())
	})
}
