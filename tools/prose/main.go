// Prose finds constructions in texts and comments that cost readers time: sentences
// without an actor, nouns that are left out, and words that the field does not use.
//
// It reads Markdown (not its code), Go (comments, messages, names of tests), YAML
// (comments, descriptions, summaries), SQL, Lua, JavaScript, shell scripts and
// Makefiles. The rules are in rules.go.
//
// A comment on the line of a finding allows it, with a reason:
//
//	<!-- prose: allow stand it is the name of a product -->
//	// prose:allow stand it is the name of a product
//
// A file whose first line is "// prose:allow-file REASON" is left out.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

const usage = `Find constructions that cost readers time.

Usage:
  prose [flags] PATH...

Examples:
  go run ./tools/prose README.md docs
  go run ./tools/prose -measure .

Flags:
`

// errFound says that there are findings. They are already printed.
var errFound = errors.New("rewrite these, or allow one with its reason: <!-- prose: allow RULE REASON --> or // prose:allow RULE REASON")

func itoa(n int) string { return strconv.Itoa(n) }

func main() {
	switch err := run(os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "prose:", err)
		os.Exit(1)
	}
}

func run(args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("prose", flag.ContinueOnError)
	flags.SetOutput(errs)
	measure := flags.Bool("measure", false, "print how frequent the constructions are, and fail for none")
	all := flags.Bool("all", false, "print comments and names of tests as well, and fail for them")
	flags.Usage = func() {
		fmt.Fprint(errs, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	paths := flags.Args()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var passages []passage
	var findings []finding
	for _, path := range paths {
		err := eachFile(path, func(path string, content []byte) error {
			read, err := readFile(path, content)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			permitted, err := allowances(content)
			if err != nil {
				return fmt.Errorf("%s:%w", path, err)
			}
			for _, p := range read {
				passages = append(passages, p)
				for _, f := range p.findings() {
					last := p.lines[len(p.lines)-1].number
					if !permitted[mark{f.at, f.rule}] && !permitted[mark{last, f.rule}] {
						findings = append(findings, f)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if *measure {
		return report(out, passages, findings)
	}
	failed, rest := 0, 0
	for _, f := range findings {
		switch {
		case f.measured:
		case f.kind.forUsers() || *all:
			failed++
			fmt.Fprintf(out, "%s:%d: %s: %q -> %s\n", f.path, f.at, f.rule, f.excerpt, f.advice)
		default:
			rest++
		}
	}
	if rest > 0 {
		fmt.Fprintf(errs, "%d more in comments and names of tests: -all prints them\n", rest)
	}
	if failed > 0 {
		return fmt.Errorf("%d found: %w", failed, errFound)
	}
	return nil
}

// skipped are directories without texts of ours.
var skipped = map[string]bool{".git": true, "node_modules": true, "testdata": true, "dist": true, "vendor": true, "bin": true}

// eachFile calls f for a file, or for each file below a directory.
func eachFile(root string, f func(path string, content []byte) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && skipped[d.Name()] {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(content, []byte("// prose:allow-file ")) {
			return nil
		}
		return f(path, content)
	})
}

// readFile returns the passages of a file, by its name.
func readFile(path string, content []byte) ([]passage, error) {
	var lines []line
	for i, text := range strings.Split(string(content), "\n") {
		lines = append(lines, line{i + 1, strings.TrimSuffix(text, "\r")})
	}
	switch ext := filepath.Ext(path); {
	case ext == ".go":
		return readGo(path, content)
	case ext == ".md":
		found := readMarkdown(docs, path, lines)
		if strings.HasSuffix(filepath.ToSlash(path), "docs/benchmarks.md") { // a program writes it
			for i := range found {
				found[i].measured = true
			}
		}
		return found, nil
	case ext == ".yaml", ext == ".yml":
		return readYAML(path, lines), nil
	case ext == ".sql", ext == ".lua":
		return readMarked(path, "--", lines), nil
	case ext == ".js", ext == ".mjs", ext == ".ts":
		return readScript(path, lines), nil
	case filepath.Base(path) == "Makefile":
		return readMakefile(path, lines), nil
	case ext == ".sh", filepath.Base(path) == "Dockerfile", bytes.HasPrefix(content, []byte("#!")):
		return readMarked(path, "#", lines), nil
	}
	return nil, nil
}

// mark is a line on which a rule is allowed.
type mark struct {
	line int
	rule string
}

var allowed = regexp.MustCompile(`(?:<!--|//|#|--|/\*)\s*prose: ?allow\s+(.*?)\s*(?:-->|\*/)?\s*$`)

// allowances returns where a file allows which rule.
func allowances(content []byte) (map[mark]bool, error) {
	found := map[mark]bool{}
	for i, text := range strings.Split(string(content), "\n") {
		m := allowed.FindStringSubmatch(text)
		if m == nil || strings.HasPrefix(m[1], "RULE ") { // as in a message of ours
			continue
		}
		known := slices.IndexFunc(rules, func(r rule) bool { return strings.HasPrefix(m[1], r.name+" ") })
		switch {
		case known >= 0:
			found[mark{i + 1, rules[known].name}] = true
		case strings.HasPrefix(m[1], "long "):
			found[mark{i + 1, "long"}] = true
		default:
			return nil, fmt.Errorf("%d: write prose: allow RULE REASON, with the name of a rule", i+1)
		}
	}
	return found, nil
}

// report prints how frequent the constructions are, by the kind of text and by rule.
func report(out io.Writer, passages []passage, findings []finding) error {
	words, hits := map[kind]int{}, map[kind]int{}
	byRule := map[string]map[kind]int{}
	for _, p := range passages {
		words[p.kind] += p.words()
	}
	for _, f := range findings {
		hits[f.kind]++
		if byRule[f.rule] == nil {
			byRule[f.rule] = map[kind]int{}
		}
		byRule[f.rule][f.kind]++
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "text\twords\thits\tper 1,000\t")
	allWords, allHits := 0, 0
	for _, k := range kinds {
		if words[k] > 0 {
			fmt.Fprintf(table, "%s\t%d\t%d\t%.1f\t\n", k, words[k], hits[k], 1000*float64(hits[k])/float64(words[k]))
		}
		allWords, allHits = allWords+words[k], allHits+hits[k]
	}
	fmt.Fprintf(table, "total\t%d\t%d\t%.1f\t\n", allWords, allHits, 1000*float64(allHits)/float64(max(1, allWords)))
	fmt.Fprintln(table, "\t\t\t\t")
	fmt.Fprint(table, "rule\t")
	for _, k := range kinds {
		fmt.Fprintf(table, "%s\t", k)
	}
	fmt.Fprintln(table)
	names := make([]string, 0, len(rules)+1)
	for _, r := range rules {
		if !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
	}
	for _, name := range append(names, "long") {
		fmt.Fprintf(table, "%s\t", name)
		for _, k := range kinds {
			fmt.Fprintf(table, "%d\t", byRule[name][k])
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
