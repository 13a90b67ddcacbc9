// Peers measures the service beside other servers that refresh tokens: each with the same
// client, on the same Postgres and Redis, one after the other in turn.
package main

import (
	"cmp"
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
	sessions int    // of each server
	programs string // the directory with the programs of the peers
	dir      string // for files of the servers
	stores   *rig.Deployment
	missing  []string // why a peer is not measured
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	b := &bench{Bench: &compare.Bench{Begin: time.Now()}}
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "shorter runs, fewer of them")
	flags.IntVar(&b.Rounds, "rounds", 0, "runs of each server (5; quick 3)")
	flags.DurationVar(&b.Each, "each", 0, "length of a run (8s; quick 2s)")
	flags.StringVar(&b.programs, "peers", "bin/peers", "directory with the programs of the peers")
	jsonTo := flags.String("json", "bin/peers.json", "file for the figures")
	docsTo := flags.String("docs", "", "file for the page; its plot is written beside it")
	from := flags.String("from", "", "file with the figures of an earlier run, to measure nothing")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "Usage: go run ./bench/peers [flags] [server...]\n\nMeasures the service beside other servers. Servers (default: all):\n\n")
		for _, p := range peers {
			fmt.Fprintf(flags.Output(), "  %-14s %s; %s\n", p.key, p.name, cmp.Or(p.install, "installed by make bench-peers"))
		}
		fmt.Fprint(flags.Output(), "\nExamples:\n  go run ./bench/peers -quick\n  go run ./bench/peers -rounds 1 -each 2s latchkey pocketbase\n"+
			"  go run ./bench/peers -from bin/peers.json -docs docs/peers.md\n\nFlags:\n")
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
		return earlier.WritePage(*docsTo, intro(&earlier), "")
	}
	b.Rounds = cmp.Or(b.Rounds, map[bool]int{false: 5, true: 3}[*quick])
	b.Each = cmp.Or(b.Each, map[bool]time.Duration{false: 8 * time.Second, true: 2 * time.Second}[*quick])
	b.sessions = map[bool]int{false: 4 * rig.Connections, true: rig.Connections}[*quick]
	for _, key := range flags.Args() {
		if !slices.ContainsFunc(peers, func(p peer) bool { return p.key == key }) {
			return fmt.Errorf("there is no server %q; -h lists them", key)
		}
	}
	if b.dir, err = os.MkdirTemp("", "latchkey-peers-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	if b.Programs, err = rig.BuildPrograms(b.dir); err != nil {
		return err
	}
	b.Report.Machine, b.Report.Rounds, b.Report.Each = report.ThisMachine(), b.Rounds, b.Each.String()
	if err := b.measure(flags.Args()); err != nil {
		return err
	}
	b.ReportRuns()
	fmt.Print(b.Report.Markdown(""))
	if err := b.Report.WriteJSON(*jsonTo); err != nil {
		return err
	}
	return b.Report.WritePage(*docsTo, intro(&b.Report), "")
}

// intro explains the figures of a run.
func intro(r *report.Report) string {
	return fmt.Sprintf(`# Peers

`+"`make bench-peers`"+` writes this page. It runs Latchkey beside other servers that refresh tokens, and beside two servers on
Express, which a team might write itself.

- The client is the same for all servers: a closed loop of %[3]d connections, each with a session of its own, which presents
  the token that it received last. A client whose session is lost logs in again.
- The stores are the same for all servers: one Postgres that waits for the disk (fsync) and one Redis that syncs its log each
  second (AOF, everysec). A server with a store of its own uses that.
- The servers run at the same time, and all but one are idle. Visits alternate. A ratio compares two runs of the same round.
  A figure is the median of %[1]d runs of %[2]s, with the least and the most of them in brackets.
- The client, the stores and the server share the cores of one machine. Compare rows with each other, not with other pages.
- *Token replaced* is a probe: a session refreshes twice, and then presents its first token again. "yes" means that the first
  token is refused by then, so that a copy of it is worth nothing.
- *Sessions lost* counts the sessions whose newest token was refused, during the runs or in a last refresh after them.
- Passwords have the same bcrypt cost everywhere, except at better-auth, which uses scrypt. A flood comes from many
  addresses, as `+"`X-Forwarded-For`"+` names them, so that no limit of an address stops it.

To install a peer that `+"`make bench-peers`"+` does not install, put its program into `+"`bin/peers`"+`. A peer without a program
is left out, and the page says so.

`, r.Rounds, r.Each, rig.Connections)
}
