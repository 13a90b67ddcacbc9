package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"latchkey/service/audit"
	"latchkey/service/jose"
	"latchkey/service/keys"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Manage the keys that sign tokens",
		Long: `Manage the keys that sign tokens. There are two uses: access, whose public keys
are at /.well-known/jwks.json, and refresh, which only this service verifies. Of
each use one key is active and signs, one is next and will, and those that are
retired are honoured until what they signed has expired. Running replicas follow
within a second or two; none is restarted.`,
	}
	cmd.AddCommand(keyListCommand(), keyAddCommand(), keyRotateCommand(), keyRevokeCommand(), keyImportCommand(), keyGenerateCommand())
	return cmd
}

func keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the keys and their states",
		Example: "  latchkey key list",
		Args:    cobra.NoArgs,
		RunE: withKeys(func(ctx context.Context, cmd *cobra.Command, ring *keys.Ring) error {
			list, err := ring.List(ctx)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "no keys yet: the first start of the service draws them")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "USE\tSTATE\tALGORITHM\tKID\tCREATED\tACTIVE FROM\tHONOURED UNTIL")
			for _, k := range list {
				until := k.Until
				if k.State == keys.Revoked {
					until = k.RevokedAt
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Use, k.State, k.Algorithm, k.ID, instant(k.CreatedAt), instant(k.ActiveAt), instant(until))
			}
			return w.Flush()
		}),
	}
}

func keyAddCommand() *cobra.Command {
	var use, algorithm string
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Draw a new key to be the next one",
		Long: `Draw a new key in the place of the next one, for instance of another algorithm.
It is published at once and signs after "latchkey key rotate".`,
		Example: "  latchkey key add --alg EdDSA\n  latchkey key add --use refresh",
		Args:    cobra.NoArgs,
		RunE: withKeys(func(ctx context.Context, cmd *cobra.Command, ring *keys.Ring) error {
			u, err := keyUse(use)
			if err != nil {
				return err
			}
			if algorithm == "" {
				if err := ring.Load(ctx); err != nil {
					return err
				}
				algorithm = string(ring.Algorithm(u))
			}
			a, err := jose.ParseAlgorithm(algorithm)
			if err != nil {
				return fmt.Errorf("--alg: %w", err)
			}
			k, err := ring.Add(ctx, jose.Key{Algorithm: a}, u, audit.Operator())
			return said(cmd.OutOrStdout(), k, err)
		}),
	}
	useFlag(cmd, &use)
	cmd.Flags().StringVar(&algorithm, "alg", "", "HS256, EdDSA, ES256 or RS256 (default: the algorithm of the active key, or tokens.algorithm; HS256 for refresh)")
	return cmd
}

func keyRotateCommand() *cobra.Command {
	var use string
	var now bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Let the next key sign, and retire the active one",
		Long: `Let the next key sign, and draw another to be next. The key takes over when it
has been published for five minutes, so that nobody meets a token whose key is
not in their copy of the key set; --now does not wait, which breaks only those
who verify elsewhere and do not fetch the set again for an unknown kid.`,
		Example: "  latchkey key rotate\n  latchkey key rotate --use refresh",
		Args:    cobra.NoArgs,
		RunE: withKeys(func(ctx context.Context, cmd *cobra.Command, ring *keys.Ring) error {
			u, err := keyUse(use)
			if err != nil {
				return err
			}
			k, err := ring.Rotate(ctx, u, now, audit.Operator())
			return said(cmd.OutOrStdout(), k, err)
		}),
	}
	useFlag(cmd, &use)
	cmd.Flags().BoolVar(&now, "now", false, "do not wait until the key is known everywhere")
	return cmd
}

func keyRevokeCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "revoke [KID]",
		Short: "End a key at once: nothing that it signed is accepted any more",
		Long: `End a key at once, because it may be in wrong hands. Every replica refuses what
it signed within 5 seconds. If it was active, the next key takes over. Users with
an access token of it refresh; with a refresh token of it they log in again.

--all ends every key and draws new ones, which logs everyone out: for a root
secret that was changed because it leaked. Stop the other replicas first. Keys in
tokens.keys_file are not touched: take them out of it.`,
		Example: "  latchkey key revoke 3Nq…\n  latchkey key revoke --all",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return errors.New("name the kid of one key, or say --all; latchkey key list has them")
			}
			return withKeys(func(ctx context.Context, cmd *cobra.Command, ring *keys.Ring) error {
				if all {
					n, err := ring.RevokeAll(ctx, audit.Operator())
					if err == nil {
						fmt.Fprintf(cmd.OutOrStdout(), "revoked %d keys, and drew new ones\n", n)
					}
					return err
				}
				k, err := ring.Revoke(ctx, args[0], audit.Operator())
				return said(cmd.OutOrStdout(), k, err)
			})(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every key")
	return cmd
}

func keyImportCommand() *cobra.Command {
	var use string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take a private key from a file to be the next one",
		Long: `Take a private key to be the next one: PEM as openssl writes it (PKCS #8, SEC 1 or
PKCS #1, without a passphrase) or a JWK; "-" reads standard input. The kind of key
decides the algorithm: Ed25519 EdDSA, P-256 ES256, RSA RS256.`,
		Example: "  openssl genpkey -algorithm ed25519 | latchkey key import -\n  latchkey key import signing.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			u, err := keyUse(use)
			if err != nil {
				return err
			}
			text, err := readFile(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			key, err := jose.ParseKey(text)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return withKeys(func(ctx context.Context, cmd *cobra.Command, ring *keys.Ring) error {
				k, err := ring.Add(ctx, key, u, audit.Operator())
				return said(cmd.OutOrStdout(), k, err)
			})(cmd, args)
		},
	}
	useFlag(cmd, &use)
	return cmd
}

func keyGenerateCommand() *cobra.Command {
	var algorithm string
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Print a new private key, for tokens.keys_file",
		Long: `Print a new private key as a JWK, and store it nowhere: for the file that
tokens.keys_file names, {"keys": [ … ]}, where each key has a member "state":
active, next, retired or revoked.`,
		Example: "  latchkey key generate --alg ES256 > es256.jwk",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := jose.ParseAlgorithm(algorithm)
			if err != nil {
				return fmt.Errorf("--alg: %w", err)
			}
			k, err := jose.GenerateKey(a)
			if err != nil {
				return err
			}
			text, err := k.PrivateJWK()
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), string(text))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&algorithm, "alg", string(jose.EdDSA), "HS256, EdDSA, ES256 or RS256")
	return cmd
}

func useFlag(cmd *cobra.Command, use *string) {
	cmd.Flags().StringVar(use, "use", string(keys.UseAccess), "what the key signs: access or refresh")
}

func keyUse(text string) (keys.Use, error) {
	switch u := keys.Use(text); u {
	case keys.UseAccess, keys.UseRefresh:
		return u, nil
	}
	return "", fmt.Errorf("--use: %q is not access or refresh", text)
}

// said tells what became of a key.
func said(w io.Writer, k keys.Info, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s key %s (%s) is %s", k.Use, k.ID, k.Algorithm, k.State)
	if k.State == keys.Next && !k.ActiveAt.IsZero() {
		fmt.Fprintf(w, ", and signs from %s", instant(k.ActiveAt))
	}
	fmt.Fprintln(w)
	return nil
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// readFile reads a file, or standard input for "-".
func readFile(name string, stdin io.Reader) ([]byte, error) {
	const limit = 64 << 10
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, limit))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, limit))
}

// withKeys opens the stores for a command about keys.
func withKeys(f func(context.Context, *cobra.Command, *keys.Ring) error) func(*cobra.Command, []string) error {
	return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
		signing, err := o.NewSigning(false)
		if err != nil {
			return err
		}
		return f(ctx, cmd, signing.Keys)
	})
}
