package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Report is the result of a run.
type Report struct {
	Machine machine `json:"machine"`
	Rounds  int     `json:"rounds"`
	Each    string  `json:"each"`
	Bars    []bar   `json:"bars"`
	Tables  []Table `json:"tables"`
	// Disturbed are the runs during which other processes used the machine.
	Disturbed []string `json:"disturbed"`
}

// Table is figures of one kind, as text.
type Table struct {
	Title string     `json:"title"`
	Note  string     `json:"note,omitempty"`
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
}

// Add adds a row.
func (t *Table) Add(name string, cells ...any) {
	row := []string{name}
	for _, c := range cells {
		row = append(row, fmt.Sprint(c))
	}
	for len(row) < len(t.Head) {
		row = append(row, "")
	}
	t.Rows = append(t.Rows, row)
}

// direction is the good side of a bar.
type direction string

// The directions of a bar.
const (
	AtMost  direction = "at most"
	AtLeast direction = "at least"
)

// bar is a figure and its limit.
type bar struct {
	Number    string    `json:"number"`
	What      string    `json:"what"`
	Median    float64   `json:"median"`
	Min       float64   `json:"min"`
	Max       float64   `json:"max"`
	Direction direction `json:"direction"`
	Bar       float64   `json:"bar"`
	Met       bool      `json:"met"`
}

// Add adds a table.
func (r *Report) Add(t Table) { r.Tables = append(r.Tables, t) }

// Bar adds a bar.
func (r *Report) Bar(number, what string, s Spread, d direction, limit float64) {
	met := s.Median() <= limit
	if d == AtLeast {
		met = s.Median() >= limit
	}
	r.Bars = append(r.Bars, bar{number, what, s.Median(), s.min(), s.max(), d, limit, met})
}

// inOrder sorts bars by their numbers. A run adds them in the order of the sections.
func inOrder(bars []bar) []bar {
	return slices.SortedStableFunc(slices.Values(bars), func(a, b bar) int {
		var n, m int
		_, _ = fmt.Sscanf(a.Number, "%d", &n) // some have a letter after it
		_, _ = fmt.Sscanf(b.Number, "%d", &m)
		return cmp.Compare(n, m)
	})
}

// Markdown returns the bars and the tables. The note is below the heading of the bars.
func (r *Report) Markdown(note string) string {
	var b strings.Builder
	bars := Table{Title: "The bars", Note: note, Head: []string{"", "what", "median (least to most)", "bar", ""}}
	for _, x := range inOrder(r.Bars) {
		met := "met"
		if !x.Met {
			met = "**missed**"
		}
		bars.Add(x.Number, x.What, Spread{x.Median, x.Min, x.Max}, fmt.Sprintf("%s %s", x.Direction, Short(x.Bar)), met)
	}
	if len(r.Bars) > 0 {
		bars.markdown(&b)
	}
	for _, t := range r.Tables {
		t.markdown(&b)
	}
	if len(r.Disturbed) > 0 {
		fmt.Fprintf(&b, "## Disturbed runs\n\n- %s\n\n", strings.Join(r.Disturbed, "\n- "))
	}
	return b.String()
}

func (t Table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n", t.Title)
	if t.Note != "" {
		fmt.Fprintf(b, "%s\n\n", t.Note)
	}
	line := func(cells []string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.Head)
	b.WriteString("|" + strings.Repeat("---|", len(t.Head)) + "\n")
	for _, row := range t.Rows {
		line(row)
	}
	b.WriteString("\n")
}
