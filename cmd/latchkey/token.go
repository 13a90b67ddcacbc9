package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"latchkey/service/token"
)

func tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "token",
		Short:   "Inspect tokens",
		Example: "  latchkey token inspect token.txt",
	}
	cmd.AddCommand(tokenInspectCommand())
	return cmd
}

func tokenInspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect [FILE]",
		Short: "Print the content of a token and the result of a refresh with it",
		Long: `Print the content of an access or refresh token, whether it verifies, the state of its
session, and the result that a refresh with it would have, with the reason. The command
changes nothing: the token is not used. It reads the token from a file or from standard
input, because other users of the machine can see arguments.`,
		Example: "  latchkey token inspect < token.txt\n  pbpaste | latchkey token inspect",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readFile(append(args, "-")[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			raw := strings.TrimSpace(string(text))
			if scheme, rest, ok := strings.Cut(raw, " "); ok && strings.EqualFold(scheme, "bearer") {
				raw = rest
			}
			return withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
				signing, err := o.NewSigning(false)
				if err != nil {
					return err
				}
				if err := signing.Keys.Load(ctx); err != nil {
					return err
				}
				in, err := o.NewInspector(signing).Inspect(ctx, token.Raw(raw))
				if err != nil {
					return err
				}
				verifies := "yes"
				if in.Refused != "" {
					verifies = "no: " + in.Refused
				}
				for _, line := range [][2]string{
					{"kind", in.Kind},
					{"claims", in.Claims},
					{"key", in.Key},
					{"verifies", verifies},
					{"session", in.Session},
					{"refresh", in.Outcome},
					{"because", in.Why},
				} {
					if line[1] != "" {
						fmt.Fprintf(cmd.OutOrStdout(), "%-9s %s\n", line[0], line[1])
					}
				}
				return nil
			})(cmd, args)
		},
	}
}
