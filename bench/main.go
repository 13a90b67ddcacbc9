// Bench measures the built program, in a process of its own and on real servers, and
// compares it with its floor: a program that does the least for the same result.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"latchkey/bench/compare"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// bench is a run.
type bench struct {
	*compare.Bench
	quick    bool
	sessions int    // of the largest size of growth
	against  string // the path of another build
	// profileTo is the file for a profile.
	profileTo string
}

// section is a part of a run.
type section struct {
	name, what string
	quick      bool // also in a quick run
	run        func(*bench) error
}

var sections = []section{
	{"paths", "refresh, rtVerify, guarded GET and login, compared with their floor", true, (*bench).paths},
	{"embedded", "refresh on SQLite, compared with the writes that the disk can do", true, (*bench).embedded},
	{"growth", "refresh with more and more users and sessions, up to -sessions, on both sets of stores", false, (*bench).growth},
	{"replicas", "three replicas behind HAProxy compared with one, and restarts under load", false, (*bench).replicas},
	{"start", "time to the first healthy response, memory, size", true, (*bench).start},
	{"flood", "refreshes while the login is flooded with wrong passwords", true, (*bench).flood},
	{"hang", "refreshes while the stores answer nothing", false, (*bench).hang},
	{"builds", "this build of the program and the build that -against names", false, (*bench).builds},
	{"profile", "a profile of the hot paths, for -profile", false, (*bench).profile},
	{"timing", "response time to a wrong password, for a known and an unknown user", false, (*bench).timing},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	b := &bench{Bench: &compare.Bench{Begin: time.Now()}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&b.quick, "quick", false, "short runs of the most important sections")
	flags.IntVar(&b.Rounds, "rounds", 0, "runs of each side (5; quick 3)")
	flags.DurationVar(&b.Each, "each", 0, "length of a run (10s; quick 1.2s)")
	flags.IntVar(&b.sessions, "sessions", 1_000_000, "largest size of growth; the other sizes are a tenth and a hundredth of it")
	flags.StringVar(&b.against, "against", "", "another build of latchkey, for the section builds")
	flags.StringVar(&b.profileTo, "profile", "", "file for the profile of the section profile")
	jsonTo := flags.String("json", "bin/bench.json", "file for the figures")
	docsTo := flags.String("docs", "", "file for the page; its plot is written beside it")
	from := flags.String("from", "", "file with the figures of an earlier run, to measure nothing")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "Usage: go run ./bench [flags] [section...]\n\nMeasures the service and its floor. Sections (default: all):\n\n")
		for _, s := range sections {
			fmt.Fprintf(flags.Output(), "  %-10s %s\n", s.name, s.what)
		}
		fmt.Fprint(flags.Output(), "\nExamples:\n  go run ./bench -quick\n  go run ./bench -rounds 3 -each 5s paths\n"+
			"  go run ./bench -rounds 1 -each 2s -sessions 10000 growth\n  go run ./bench -against /tmp/latchkey-before builds\n  go run ./bench -from bin/bench.json -docs docs/benchmarks.md\n\nFlags:\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *from != "" {
		earlier, err := report.ReadReport(*from)
		if err != nil {
			return err
		}
		fmt.Print(earlier.Markdown(""))
		return earlier.WriteDocument(*docsTo, rig.Connections)
	}
	if b.Rounds == 0 {
		b.Rounds = map[bool]int{false: 5, true: 3}[b.quick]
	}
	if b.Each == 0 {
		b.Each = map[bool]time.Duration{false: 10 * time.Second, true: 1200 * time.Millisecond}[b.quick]
	}
	for _, name := range flags.Args() {
		if !slices.ContainsFunc(sections, func(s section) bool { return s.name == name }) {
			return fmt.Errorf("there is no section %q; -h lists them", name)
		}
	}
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if b.Programs, err = rig.BuildPrograms(dir); err != nil {
		return err
	}
	b.Report.Machine, b.Report.Rounds, b.Report.Each = report.ThisMachine(), b.Rounds, b.Each.String()
	failed := b.measure(flags.Args())
	b.ReportRuns()
	fmt.Print(b.Report.Markdown(""))
	if err := errors.Join(failed, b.Report.WriteJSON(*jsonTo)); err != nil {
		return err
	}
	return b.Report.WriteDocument(*docsTo, rig.Connections)
}

// measure runs the named sections, or all. If a section fails, the figures of the other
// sections are kept.
func (b *bench) measure(names []string) error {
	var errs []error
	for _, s := range sections {
		if len(names) > 0 && !slices.Contains(names, s.name) || len(names) == 0 && (b.quick && !s.quick || s.name == "builds" || s.name == "profile") {
			continue
		}
		b.Progress("%s: %s", s.name, s.what)
		if err := s.run(b); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
			b.Progress("%v", errs[len(errs)-1])
		}
	}
	return errors.Join(errs...)
}
