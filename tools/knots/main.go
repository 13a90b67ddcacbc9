// Knots prints, for each package, how many files it has and its largest knot: the
// largest set of files that all depend on each other. A file depends on another if it
// uses an identifier, a method or a field that the other declares. A knot cannot be
// read, moved or tested one file at a time.
//
// Test files are not counted. The program runs go list, so that the packages must
// compile.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

const usage = `Print the largest set of mutually dependent files of each package.

Usage:
  knots [flags] PATTERN...

Example:
  go run ./tools/knots -max-knot 6 -max-files 15 ./service/... ./config

Flags:
`

// errExceeded says that a package is over a limit. The limits are already printed.
var errExceeded = errors.New("a package exceeds a limit")

func main() {
	switch err := run(os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "knots:", err)
		os.Exit(1)
	}
}

func run(args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("knots", flag.ContinueOnError)
	flags.SetOutput(errs)
	maxKnot := flags.Int("max-knot", 0, "largest knot allowed; 0 for no limit")
	maxFiles := flags.Int("max-files", 0, "largest number of files allowed in a package; 0 for no limit")
	tags := flags.String("tags", "nomsgpack,grpcnotrace", "build tags")
	dir := flags.String("C", ".", "directory in which the patterns are resolved")
	flags.Usage = func() {
		fmt.Fprint(errs, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	patterns := flags.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	packages, err := load(*dir, *tags, patterns)
	if err != nil {
		return err
	}

	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PACKAGE\tFILES\tKNOT\tFILES OF THE KNOT")
	var exceeded []string
	for _, p := range packages {
		knot, err := p.knot()
		if err != nil {
			return err
		}
		names := ""
		if len(knot) > 1 {
			names = strings.Join(knot, " ")
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", p.ImportPath, len(p.GoFiles), len(knot), names)
		if *maxKnot > 0 && len(knot) > *maxKnot {
			exceeded = append(exceeded, fmt.Sprintf("%s: %d files depend on each other, more than %d: split the package, or move what they share to a file that uses none of them", p.ImportPath, len(knot), *maxKnot))
		}
		if *maxFiles > 0 && len(p.GoFiles) > *maxFiles {
			exceeded = append(exceeded, fmt.Sprintf("%s: %d files, more than %d: split the package by the nouns that it holds", p.ImportPath, len(p.GoFiles), *maxFiles))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, e := range exceeded {
		fmt.Fprintln(errs, e)
	}
	if len(exceeded) > 0 {
		return errExceeded
	}
	return nil
}
