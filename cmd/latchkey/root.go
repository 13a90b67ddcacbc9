package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/internal/app"
	"latchkey/middleware/problem"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "latchkey",
		Short: "Run and administer an auth service",
		Long: `Latchkey is an auth service with signup, login, JWT access tokens and refresh tokens
for browser apps and mobile apps.

Without settings it runs on an embedded SQLite database in ./data:

  latchkey serve

Settings come from a file (--config, YAML or TOML) and from environment variables named
LATCHKEY_..., which override the file. "latchkey config" prints all settings.`,
		Example:       "  latchkey serve\n  latchkey user create --username ada --email ada@example.org --privilege 2",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version + " (" + goVersion() + ")",
	}
	root.PersistentFlags().String("config", "", "settings file, YAML or TOML")
	root.AddCommand(serveCommand(), migrateCommand(), userCommand(), sessionsCommand(), auditCommand(), clientCommand(), keyCommand(), tokenCommand(), mailCommand(), clockCommand(), configCommand(), healthcheckCommand(), versionCommand())
	root.SetHelpCommand(helpCommand())
	root.InitDefaultHelpCmd()
	root.SetFlagErrorFunc(explainFlag)
	return root
}

// explainFlag returns an error of the command line in plain words. If an unknown flag may be an
// ID that begins with "-", it says how to pass it.
func explainFlag(cmd *cobra.Command, err error) error {
	var number *strconv.NumError
	if errors.As(err, &number) { // its text names Go functions
		flag, _, _ := strings.Cut(err.Error(), ": ")
		switch {
		case number.Func == "ParseBool":
			return fmt.Errorf("%s: write true or false", flag)
		case errors.Is(number.Err, strconv.ErrRange):
			return fmt.Errorf("%s: the number is too large", flag)
		}
		return fmt.Errorf("%s: write a whole number", flag)
	}
	_, argument, _ := strings.Cut(cmd.Use, " ")
	argument = strings.Trim(argument, "[]")
	if !strings.HasPrefix(err.Error(), "unknown ") || argument != "KID" && argument != "CLIENT_ID" {
		return err
	}
	return fmt.Errorf("%w; if %s begins with \"-\", write it after \"--\": %s -- %s", err, argument, cmd.CommandPath(), argument)
}

// counted returns a number and its noun. The noun is plural unless n is 1.
func counted[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// refuseUnknown makes a mistyped sub-command an error that suggests a command. Without it, a
// command that only has sub-commands would print its help and succeed.
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
		return unknownCommand(cmd, args[0])
	}
}

// unknownCommand returns the error for a name that is no sub-command of cmd.
func unknownCommand(cmd *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %q for %q", name, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if list := cmd.SuggestionsFor(name); len(list) > 0 {
		text += "; did you mean " + strings.Join(list, " or ") + "?"
	}
	return fmt.Errorf("%s (%s --help lists the commands)", text, cmd.CommandPath())
}

// execute runs a command. It returns the error for a mistyped sub-command also with --help, for
// which the library would print the help of the command above it and succeed.
func execute(ctx context.Context, root *cobra.Command) error {
	root.InitDefaultCompletionCmd() // it keeps the standard output
	refuseUnknown(root)
	var unknown error
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if names := cmd.Flags().Args(); cmd.HasSubCommands() && len(names) > 0 {
			unknown = unknownCommand(cmd, names[0])
			return
		}
		help(cmd, args)
	})
	return cmp.Or(root.ExecuteContext(ctx), unknown)
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]...",
		Short:   "Print the help of a command",
		Example: "  latchkey help user create",
		RunE: func(cmd *cobra.Command, args []string) error {
			about := cmd.Root()
			for _, name := range args {
				i := slices.IndexFunc(about.Commands(), func(c *cobra.Command) bool { return c.Name() == name || c.HasAlias(name) })
				if i < 0 {
					return unknownCommand(about, name)
				}
				about = about.Commands()[i]
			}
			about.InitDefaultHelpFlag() // so that the help lists it
			return about.Help()
		},
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

// settings loads the configuration for a command. It reports all problems at once, also those that
// the checks find.
func settings(cmd *cobra.Command, checks ...config.Check) (config.Config, error) {
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return config.Config{}, err
	}
	return config.Load(file, append(checks, checkStatuses, app.CheckStores)...)
}

// checkStatuses reports names of errors that do not exist, which config does not know.
func checkStatuses(cfg config.Config, report func(key, format string, args ...any)) {
	for _, wrong := range problem.CheckStatuses(cfg.Errors.Status) {
		report("errors.status", "%s", wrong)
	}
}

func configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print the effective settings with secrets redacted",
		Long: `Print every setting with its effective value and with secrets redacted. The output is
TOML, so you can start a settings file from it. If settings are wrong, it prints every
problem, as the service does at its start.`,
		Example: "  latchkey config\n  latchkey config --config latchkey.toml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd, app.CheckFiles)
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
