package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// report is what a run came to.
type report struct {
	mu     sync.Mutex // parts, counts and total are read for the progress
	parts  []string
	counts []map[string]int
	total  *tally
	faults []seen
	told   int // violations that were printed or written
}

// shown is how many violations of a kind are printed in full; the file has all.
const shown = 3

// finished takes over the counts of a part and prints its table and its violations.
func (rep *report) finished(r *rig, c *crowd) {
	n := c.t.counts()
	rep.mu.Lock()
	rep.parts, rep.counts = append(rep.parts, c.name), append(rep.counts, n)
	rep.total.merge(c.t)
	rep.mu.Unlock()
	fmt.Printf("\n== part %s\n", c.name)
	writeCounts(os.Stdout, []string{c.name}, []map[string]int{n})
	writeThefts(os.Stdout, c.t.thefts)
	for _, s := range c.t.samples {
		fmt.Println("  5xx that breaks the rule:", s)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := map[string]int{}
	for _, v := range r.violations[rep.told:] {
		if kinds[v.kind]++; kinds[v.kind] <= shown {
			v.print(os.Stdout)
		}
	}
	rep.told = len(r.violations)
	if err := writeViolations(filepath.Join(r.logs, "violations.txt"), r.violations); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
	}
}

// soFar returns the counts of the parts that are finished and of the current one.
func (rep *report) soFar(c *crowd) map[string]int {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	n := rep.total.counts()
	if !slices.Contains(rep.parts, c.name) {
		for name, more := range c.t.counts() {
			n[name] += more
		}
	}
	return n
}

func writeViolations(path string, list []violation) error {
	var text strings.Builder
	for _, v := range list {
		v.print(&text)
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}

// print prints the tables of the whole run.
func (rep *report) print() {
	fmt.Println("\n== faults")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "part\tfault\trecovery\tworst gap\trefreshes\t5xx\tno answer\trecovered\trolled forward\tforced logouts")
	for _, f := range rep.faults {
		fmt.Fprintf(w, "%s\t%s\t%v\t%v\t%d\t%d\t%d\t%d\t%d\t%d\n", f.part, f.name, f.recovery.Round(100*time.Millisecond), f.worst.Round(100*time.Millisecond),
			f.n[nRefreshes], f.n[nServer], f.n[nTimeouts]+f.n[nBroken], f.n["  recovered"], f.n["  rolled_forward"], f.n[nForced])
	}
	_ = w.Flush()
	fmt.Printf("Recovery is the time from the end of a fault until each client has refreshed: without a fault up to %v.\n", period+period/10)
	fmt.Println("\n== all parts")
	writeCounts(os.Stdout, append(slices.Clone(rep.parts), "total"), append(slices.Clone(rep.counts), rep.total.counts()))
	writeThefts(os.Stdout, rep.total.thefts)
	for _, name := range mustBeZero {
		if n := rep.total.counts()[name]; n > 0 {
			fmt.Printf("BROKEN: %s: %d, must be 0\n", name, n)
		}
	}
}

// writeCounts prints one column for each part. Counts that must be 0 say so.
func writeCounts(out io.Writer, names []string, columns []map[string]int) {
	rows := []string{nRefreshes}
	for _, n := range columns {
		for name := range n {
			if strings.HasPrefix(name, "  ") && !slices.Contains(rows, name) {
				rows = append(rows, name)
			}
		}
	}
	slices.Sort(rows[1:])
	rows = append(rows, nLogins, nEnded, nLost, nRenewed, nServer, nLimited, nTimeouts, nBroken, nStoreLost, nOverBudget)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t"+strings.Join(names, "\t")+"\t")
	for _, name := range append(rows, mustBeZero...) {
		line := name
		if slices.Contains(mustBeZero, name) {
			line += " (must be 0)"
		}
		for _, n := range columns {
			line += fmt.Sprintf("\t%d", n[name])
		}
		fmt.Fprintln(w, line+"\t")
	}
	_ = w.Flush()
}

// watched is how long a thief must go undetected to be listed as never found. A theft
// shortly before the end of its part says nothing.
const watched = 15 * time.Second

// writeThefts prints how long thieves went undetected, and lists those never found.
func writeThefts(out io.Writer, all []*theft) {
	var found, never []time.Duration
	lost, short := 0, 0
	for _, th := range all {
		switch d := th.lasted(); {
		case th.found():
			found = append(found, d)
		case th.why != "":
			lost++
		case d < watched:
			short++
		default:
			never = append(never, d)
		}
	}
	fmt.Fprintf(out, "thieves found: %d of %d%s\n", len(found), len(found)+len(never), spread(found))
	fmt.Fprintf(out, "  never found, until the part ended: %d%s\n", len(never), spread(never))
	fmt.Fprintf(out, "  not counted: %d whose part ended within %v, %d whose session was lost with the store\n", short, watched, lost)
}

func spread(list []time.Duration) string {
	if len(list) == 0 {
		return ""
	}
	slices.Sort(list)
	return fmt.Sprintf(", after min %v, median %v, max %v", list[0].Round(100*time.Millisecond),
		list[len(list)/2].Round(100*time.Millisecond), list[len(list)-1].Round(100*time.Millisecond))
}
