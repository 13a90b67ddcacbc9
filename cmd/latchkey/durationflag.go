package main

import (
	"time"

	"github.com/spf13/cobra"

	"latchkey/config"
)

// durationFlag adds a flag for a duration in the format of the settings: 10m, 14d.
func durationFlag(cmd *cobra.Command, d *time.Duration, name string, value time.Duration, usage string) {
	*d = value
	cmd.Flags().Var((*duration)(d), name, usage)
}

// duration implements pflag.Value.
type duration time.Duration

// String implements pflag.Value. The help prints no default if it is empty.
func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

// Set implements pflag.Value.
func (d *duration) Set(text string) error {
	parsed, err := config.ParseDuration(text)
	*d = duration(parsed)
	return err
}

// Type implements pflag.Value.
func (*duration) Type() string { return "duration" }
