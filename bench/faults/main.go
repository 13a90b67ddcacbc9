// Faults runs three replicas of the program behind HAProxy, with honest clients and
// thieves, breaks one thing after another, and reports whether an honest client was
// logged out, whether an ended session came back, and whether thieves were found.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"latchkey/bench/faults/servers"
)

var (
	errBroken      = errors.New("a count that must be 0 is not")
	errInterrupted = errors.New("interrupted: the tables are of a part of the run")
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	total := flags.Duration("for", 0, "how long; the first pass is always complete (20m; quick 4m)")
	clients := flags.Int("clients", 30, "the number of honest clients")
	quick := flags.Bool("quick", false, "short faults")
	logs := flags.String("logs", "", "the directory for the logs of the replicas and for violations.txt (a new temporary one)")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "Usage: go run ./bench/faults [flags] [part...]\n\nRuns three replicas behind HAProxy under faults, with honest clients and thieves.\n"+
			"Parts, all of them by default: "+strings.Join(partNames, ", ")+".\n"+
			"\nExamples:\n  go run ./bench/faults -quick\n  go run ./bench/faults -quick -for 1m restore\n  go run ./bench/faults -for 1h -logs bin/faults\n\nFlags:\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	for _, name := range flags.Args() {
		if !slices.Contains(partNames, name) {
			return fmt.Errorf("there is no part %q; -h lists them", name)
		}
	}
	if _, err := exec.LookPath("haproxy"); err != nil {
		return fmt.Errorf("%w; make bench-servers installs it", err)
	}
	r := &rig{begin: time.Now(), times: fullTimes(or(*total, 20*time.Minute), *clients)}
	if *quick {
		r.times = quickTimes(or(*total, 4*time.Minute), *clients)
	}
	r.times.only = flags.Args()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	return r.whole(ctx, *logs)
}

// whole is a run from the build to the report.
func (r *rig) whole(ctx context.Context, logs string) (err error) {
	r.graves = &graves{r: r}
	if r.dir, err = os.MkdirTemp("", "latchkey-faults-"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer r.close()
	defer cancel()
	if r.logs = logs; logs == "" {
		r.logs, err = os.MkdirTemp("", "latchkey-faults-logs-")
	} else {
		err = os.MkdirAll(logs, 0o755)
	}
	if err != nil {
		return err
	}
	if err := r.build(); err != nil {
		return err
	}
	if err := r.deploy(ctx); err != nil {
		return err
	}
	rep := &report{total: newTally()}
	go r.progress(ctx, rep)
	err = r.run(ctx, rep)
	rep.print()
	if !r.skewed {
		fmt.Println("NOT TESTED: clocks. The program does not read " + clockVariable)
	}
	fmt.Println("logs and violations.txt:", r.logs)
	if err == nil && broken(rep.total.counts()) {
		err = errBroken
	}
	return err
}

// progress prints a line every 10 s.
func (r *rig) progress(ctx context.Context, rep *report) {
	for {
		servers.Pause(ctx, 10*time.Second)
		c := r.crowd()
		if ctx.Err() != nil {
			return
		}
		if c == nil {
			continue
		}
		n := rep.soFar(c)
		r.say("%d refreshes, %d answers 5xx, %d without an answer, %d forced logouts, %d accepted after an end", n[nRefreshes], n[nServer],
			n[nTimeouts]+n[nBroken], n[nForced], n[nRefreshBack]+n[nAccessBack])
	}
}

func or(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}
