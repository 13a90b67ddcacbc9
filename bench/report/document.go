package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// microbenchmarks is what make bench-micro writes.
const microbenchmarks = "bin/bench-micro.txt"

// intro is what a reader must know of the figures. It takes the runs, how long they
// are and the connections.
const intro = `# Benchmarks

` + "`make bench`" + ` has written this page. It measures the program as it is built for a release, in a process of its own, on a
real Postgres and a real Redis, or on SQLite.

- Clients are a closed loop of %[3]d connections, unless a table says otherwise: each asks again when it has its answer.
- What is compared takes turns, so that what disturbs the machine disturbs all of it; a ratio is of two runs that stood next
  to each other. A figure is the median of %[1]d runs of %[2]s, and in brackets the least and the most of them.
- The client, Postgres and Redis are on the same machine and have their part of its cores. So requests a second say what
  all of them can do there, and CPU µs what a request takes of each.
- Postgres runs without fsync and Redis without a file: what is measured is not the disk. SQLite waits for the disk.
- A floor is the least that a program on Gin must do for the same result, with nothing around it: ` + "`bench/floor`" + `.

To measure all of it: ` + "`make bench`" + `; what matters from day to day: ` + "`make bench-quick`" + `. A bar is what we hold ourselves to.

`

// document is the page about a run; the plot is in a file beside it.
func (r *Report) document(plotFile string, connections int) string {
	m := r.Machine
	where := Table{Title: "The machine", Head: []string{"", ""}}
	where.Add("date", m.Date)
	where.Add("commit", m.Commit)
	where.Add("CPU", fmt.Sprintf("%s, %d cores", m.CPU, m.Cores))
	where.Add("memory", m.Memory)
	where.Add("kernel", m.Kernel)
	where.Add("Go", strings.TrimPrefix(m.Go, "go"))
	where.Add("Postgres", m.Postgres)
	where.Add("Redis", m.Redis)
	var b strings.Builder
	fmt.Fprintf(&b, intro, r.Rounds, r.Each, connections)
	where.markdown(&b)
	b.WriteString(r.Markdown(fmt.Sprintf("![each figure as a share of its bar](%s)", plotFile)))
	if stat := Output("go", "tool", "-modfile=tools/benchstat.mod", "benchstat", microbenchmarks); stat != "unknown" {
		fmt.Fprintf(&b, "## Microbenchmarks\n\n`make bench-micro`: one call after the other, no HTTP. Of a log-in, `hash` is bcrypt at its lowest\n"+
			"cost and `rest` is what no cost changes.\n\n```\n%s\n```\n", stat)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// WriteDocument writes the page and its plot. It does nothing with an empty path.
func (r *Report) WriteDocument(path string, connections int) error {
	if path == "" {
		return nil
	}
	image := strings.TrimSuffix(path, filepath.Ext(path)) + ".svg"
	if err := os.WriteFile(image, []byte(Plot(r.Bars)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(r.document(filepath.Base(image), connections)), 0o644)
}

// ReadReport reads what an earlier run has written.
func ReadReport(path string) (r Report, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}
