package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// microbenchmarks is the file that make bench-micro writes.
const microbenchmarks = "bin/bench-micro.txt"

// intro explains the figures. Its arguments are the number of runs, their length and the
// number of connections.
const intro = `# Benchmarks

` + "`make bench`" + ` writes this page. It measures the program as it is built for a release, in a process of its own, on a real
Postgres and a real Redis, or on SQLite.

- Clients are a closed loop of %[3]d connections, unless a table says otherwise: each connection sends its next request when
  it has the response.
- All connections of a run are open before its clock starts, and each run begins with a warm-up that is not measured.
- Compared programs run in turn, so that a disturbance of the machine affects all of them. A ratio compares two runs of the
  same round. A figure is the median of %[1]d runs of %[2]s, with the least and the most of them in brackets.
- The client, Postgres and Redis run on the same machine and use its cores too. So requests/s is the rate of all of them
  together, and CPU µs is the CPU time of each for one request.
- Unless a row says otherwise, Postgres runs without fsync and Redis without a file, so that the disk is not measured. SQLite
  waits for the disk.
- A floor is a small program on Gin that gives the same result with golang-jwt, pgx and go-redis: ` + "`bench/floor`" + `. It has each
  path twice. With *trips shared*, concurrent requests share round trips to the stores, as in the service; the bars use that
  floor. With *trips for each request*, each request makes its own, as such a program is usually written.
- The last table has the settings of each row, and the state of the machine during its runs.
- A bar is a limit that we set for a figure.

To measure everything, run ` + "`make bench`" + `. For a short run, use ` + "`make bench-quick`" + `.

`

// document returns the page about a run: the machine, the bars and the tables between two texts.
// The plot is in a file beside it.
func (r *Report) document(plotFile, intro, end string) string {
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
	b.WriteString(intro)
	where.markdown(&b)
	b.WriteString(r.Markdown(fmt.Sprintf("![each figure as a share of its bar](%s)", plotFile)))
	b.WriteString(end)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// WriteDocument writes the page of the benchmarks and its plot. It does nothing with an empty path.
func (r *Report) WriteDocument(path string, connections int) error {
	end := ""
	if stat := Output("go", "tool", "-modfile=tools/benchstat.mod", "benchstat", microbenchmarks); path != "" && stat != "unknown" {
		end = "## Microbenchmarks\n\n`make bench-micro` runs one call after the other, without HTTP. For a login, `hash` is the time of bcrypt at its\n" +
			"lowest cost, and `rest` is the remaining time, which does not depend on the cost.\n\n```\n" + stat + "\n```\n"
	}
	return r.WritePage(path, fmt.Sprintf(intro, r.Rounds, r.Each, connections), end)
}

// WritePage writes a page and its plot, with a text before and after the figures. It does nothing
// with an empty path.
func (r *Report) WritePage(path, intro, end string) error {
	if path == "" {
		return nil
	}
	image := strings.TrimSuffix(path, filepath.Ext(path)) + ".svg"
	if err := os.WriteFile(image, []byte(Plot(r.Bars)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(r.document(filepath.Base(image), intro, end)), 0o644)
}

// WriteJSON writes the figures, for ReadReport.
func (r *Report) WriteJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// ReadReport reads the report that an earlier run has written.
func ReadReport(path string) (r Report, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}
