package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/middleware/problem"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "latchkey",
		Short: "Access tokens and refresh tokens for browser and mobile apps",
		Long: `Latchkey is an auth service: sign-up, log-in, JWT access tokens and refresh
tokens for browser apps and mobile apps.

Without any setting it runs on an embedded SQLite database in ./data:

  latchkey serve

Settings come from a file (--config, YAML or TOML) and from variables named
LATCHKEY_..., which beat the file. "latchkey config" prints them all.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version + " (" + goVersion() + ")",
	}
	root.PersistentFlags().String("config", "", "settings file, YAML or TOML")
	root.AddCommand(serveCommand(), migrateCommand(), userCommand(), sessionsCommand(), auditCommand(), clientCommand(), keyCommand(), tokenCommand(), clockCommand(), configCommand(), healthcheckCommand(), versionCommand())
	refuseUnknown(root)
	return root
}

// refuseUnknown makes a mistyped sub-command an error that says what may be meant; a
// command of commands alone would print its help and succeed.
func refuseUnknown(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		refuseUnknown(c)
	}
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		text := fmt.Sprintf("there is no command %q in %q", args[0], cmd.CommandPath())
		cmd.SuggestionsMinimumDistance = 2
		if list := cmd.SuggestionsFor(args[0]); len(list) > 0 {
			text += "; did you mean " + strings.Join(list, " or ") + "?"
		}
		return fmt.Errorf("%s (%s --help lists the commands)", text, cmd.CommandPath())
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  latchkey version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintf(cmd.OutOrStdout(), "latchkey %s %s %s/%s\n", version, goVersion(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// settings loads the configuration for a command.
func settings(cmd *cobra.Command) (config.Config, error) {
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return config.Config{}, err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return config.Config{}, err
	}
	_, err = problem.New(cfg.Errors.Status) // names of errors, which config does not know
	return cfg, err
}

func configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print the effective settings, secrets redacted",
		Long: `Print every setting with its effective value, secrets redacted. The output is
TOML, so it can be the start of a settings file.`,
		Example: "  latchkey config\n  latchkey config --config latchkey.toml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd)
			if err != nil {
				return err
			}
			for _, s := range cfg.Settings() {
				fmt.Fprintf(cmd.OutOrStdout(), "%s = %q\n", s.Key, s.Value)
			}
			return nil
		},
	}
}

func goVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return "unknown Go"
}
