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
		Long: `Manage the keys that sign tokens. Keys have one of two uses. The public keys of access
tokens are at /.well-known/jwks.json. Only this service verifies refresh tokens.

Each use has one active key, which signs, and one standby key (state next), which signs
after the next rotation. Retired keys are accepted until their tokens have expired.
Running replicas follow within two seconds, without a restart.

If a KID begins with "-", write it after "--": latchkey key revoke -- -abc`,
		Example: "  latchkey key list\n  latchkey key rotate",
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
				fmt.Fprintln(cmd.OutOrStdout(), "no keys yet: the first start of the service generates them")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "USE\tSTATE\tALGORITHM\tKID\tCREATED\tACTIVE FROM\tACCEPTED UNTIL")
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
		Short: "Generate a standby key",
		Long: `Generate a key that replaces the standby key, for example with another algorithm. The
key is published at once and signs after "latchkey key rotate".`,
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
			return printKey(cmd.OutOrStdout(), k, err)
		}),
	}
	useFlag(cmd, &use)
	cmd.Flags().StringVar(&algorithm, "alg", "", "algorithm: HS256, EdDSA, ES256 or RS256 (default: the algorithm of the active key, or tokens.algorithm; HS256 for refresh)")
	return cmd
}

func keyRotateCommand() *cobra.Command {
	var use string
	var now bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Activate the standby key and generate a new standby",
		Long: `Activate the standby key, retire the active key and generate a new standby key. The
standby key becomes active after it has been published for five minutes, so that every
service has it in its copy of the key set.

With --now it becomes active at once. Services that do not fetch the key set again for
an unknown kid then refuse new tokens until their copy expires.`,
		Example: "  latchkey key rotate\n  latchkey key rotate --use refresh\n  latchkey key rotate --now",
		Args:    cobra.NoArgs,
		RunE: withKeys(func(ctx context.Context, cmd *cobra.Command, ring *keys.Ring) error {
			u, err := keyUse(use)
			if err != nil {
				return err
			}
			k, err := ring.Rotate(ctx, u, now, audit.Operator())
			return printKey(cmd.OutOrStdout(), k, err)
		}),
	}
	useFlag(cmd, &use)
	cmd.Flags().BoolVar(&now, "now", false, "activation without a wait")
	return cmd
}

func keyRevokeCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "revoke [KID]",
		Short: "Revoke a stolen key and every token that it signed",
		Long: `Revoke a stolen key. Within 5 seconds every replica refuses the tokens that it signed.
If the key was active, the standby key becomes active. Clients with an access token of
the key refresh it. Users with a refresh token of the key log in again.

--all revokes every key in the database and generates new keys, which logs all users
out. Use it after a change of tokens.secret: stop every replica, set the new secret, run
this command with it, and start the replicas. Keys in tokens.keys_file are unchanged:
remove them from the file.

If the KID begins with "-", write it after "--".`,
		Example: "  latchkey key revoke 3Nq…\n  latchkey key revoke -- -Vx…\n  latchkey key revoke --all",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return errors.New("pass the KID of one key, or --all; latchkey key list shows the KIDs")
			}
			return withKeys(func(ctx context.Context, cmd *cobra.Command, ring *keys.Ring) error {
				if all {
					n, err := ring.RevokeAll(ctx, audit.Operator())
					if err == nil {
						fmt.Fprintf(cmd.OutOrStdout(), "revoked %s and generated new keys\n", counted(n, "key"))
					}
					return err
				}
				k, err := ring.Revoke(ctx, args[0], audit.Operator())
				return printKey(cmd.OutOrStdout(), k, err)
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
		Short: "Import a private key as the standby key",
		Long: `Import a private key that replaces the standby key. The file is PEM from openssl
(PKCS #8, SEC 1 or PKCS #1, without a passphrase) or a JWK; "-" reads standard input.
The type of the key determines the algorithm: EdDSA for Ed25519, ES256 for P-256, RS256
for RSA.`,
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
				return printKey(cmd.OutOrStdout(), k, err)
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
		Short: "Generate a private key for tokens.keys_file",
		Long: `Generate a private key and print it as a JWK. The key is not stored. Put it into the
file of tokens.keys_file, {"keys": [ … ]}, where each key has a member "state": active,
next, retired or revoked.`,
		Example: "  latchkey key generate > es256.jwk\n  latchkey key generate --alg EdDSA > eddsa.jwk",
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
	cmd.Flags().StringVar(&algorithm, "alg", string(jose.DefaultAlgorithm), "algorithm: HS256, EdDSA, ES256 or RS256")
	return cmd
}

func useFlag(cmd *cobra.Command, use *string) {
	cmd.Flags().StringVar(use, "use", string(keys.UseAccess), "tokens that the key signs: access or refresh")
}

func keyUse(text string) (keys.Use, error) {
	switch u := keys.Use(text); u {
	case keys.UseAccess, keys.UseRefresh:
		return u, nil
	}
	return "", fmt.Errorf("--use: %q: must be access or refresh", text)
}

// printKey prints the state of a key after a change.
func printKey(w io.Writer, k keys.Info, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s key %s (%s) is %s", k.Use, k.ID, k.Algorithm, k.State)
	if k.State == keys.Next && !k.ActiveAt.IsZero() {
		fmt.Fprintf(w, ", signs from %s", instant(k.ActiveAt))
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
