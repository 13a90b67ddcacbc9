// prose:allow-file the examples are what the rules find

package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// examples are sentences in which a rule finds its construction, and the same said
// plainly, in which no rule finds anything.
var examples = map[string]struct{ bad, good []string }{
	"who": {
		bad: []string{
			"Who logs in by a program gets cookies.", "Traces are for who runs the service.", "The user for whom it acts.",
			"Nobody waits.", "Whoever goes away gets no answer.", "A key of somebody else.", "It lets in who has a token.",
		},
		good: []string{"Users who log in get cookies.", "Who may read the file?", "An attacker who has a token.", "Postgres runs as user nobody."},
	},
	"others": {
		bad:  []string{"The failures of others slow it down.", "Others wait for it.", "They wait for others' calls."},
		good: []string{"The failures of other users slow it down.", "Some hosts were resolved and others were not.", "It closes all others."},
	},
	"elided": {
		bad:  []string{"It differs from that of the server.", "Those of a user expire.", "Use the one that sorted last.", "The one used last is first.", "These are the ones."},
		good: []string{"It differs from the clock of the server.", "It reports that the one key expired.", "The one place that uses it."},
	},
	"what": {
		bad:  []string{"What is left expires.", "It depends on the size of what is sent.", "What nobody needs is deleted. What was recorded stays."},
		good: []string{"What is a session?", "The rest expires.", "It depends on what the client sends.", "Just at the limit of what is reasonable."},
	},
	"draw": {
		bad:  []string{"Draw a new key.", "The key is drawn at random."},
		good: []string{"Generate a new key.", "It draws the figures as an SVG.", "Inspiration drawn from other libraries."},
	},
	"honour": {
		bad:  []string{"The key is honoured for a day.", "It honors the header."},
		good: []string{"The key is accepted for a day."},
	},
	"stand": {
		bad:  []string{"The key stands in the list.", "A member stands twice.", "An ID that stood there."},
		good: []string{"The key appears in the list.", "JWT stands for JSON Web Token.", "Use a stand-in for the server.", "A standby key."},
	},
	"tell": {
		bad:  []string{"The client is told to wait.", "The header tells the client how long to wait.", "It tells which store failed."},
		good: []string{"Stop tells the reader to stop.", "Callers can tell the two apart.", "The header says how long to wait."},
	},
	"away": {
		bad:  []string{"While Redis is away, calls fail.", "The store stays away."},
		good: []string{"While Redis is unavailable, calls fail.", "They are away from the edge.", "It throws away the rest."},
	},
	"trouble": {
		bad:  []string{"Trouble of a store is a 503."},
		good: []string{"If a store fails, the status is 503.", "The guide to troubleshooting."},
	},
	"go on": {
		bad:  []string{"The session goes on.", "Other calls went on beside it."},
		good: []string{"The session continues.", "The key goes on the list."},
	},
	"quaint": {
		bad:  []string{"Calls that failed for want of the store.", "So the first user comes about.", "A scope that may be had.", "Keep it lest it expires."},
		good: []string{"Calls that failed because the store was unavailable.", "The scope is available."},
	},
	"so many": {
		bad:  []string{"A client makes so many requests in a minute.", "It waits for so long, then fails. It waits so long at most."},
		good: []string{"A client makes at most n requests in a minute.", "There are so many keys that it fails.", "Not so many.", "So long as it runs."},
	},
	"cleft": {
		bad:  []string{"It is the server clock that decides.", "It is by the header that it decides."},
		good: []string{"The server decides.", "It is a copy that the caller may change.", "It is the caller's responsibility to ensure that it ends."},
	},
	"hyphen": {
		bad:  []string{"A log-in fails.", "The sign-in page.", "At sign-up and log-out.", "An e-mail address."},
		good: []string{"A login fails.", "Log in, then sign up.", "Single sign-on."},
	},
	"long": {
		bad:  []string{strings.Repeat("one two three four ", 11) + "end."},
		good: []string{strings.Repeat("one two three four ", 10) + ". " + strings.Repeat("one two three ", 10)},
	},
}

func found(text string) (names []string) {
	p := passage{kind: docs, lines: []line{{1, text}}}
	for _, f := range p.findings() {
		names = append(names, f.rule)
	}
	return names
}

func TestRules_FindTheirExamplesAndNothingPlain(t *testing.T) {
	for _, r := range append(slices.Clone(rules), rule{name: "long"}) {
		if len(examples[r.name].bad) == 0 {
			t.Errorf("no example of %q", r.name)
		}
	}
	for name, e := range examples {
		for _, text := range e.bad {
			if !slices.Contains(found(text), name) {
				t.Errorf("%s: found %q in %q", name, found(text), text)
			}
		}
		for _, text := range e.good {
			if names := found(text); len(names) > 0 {
				t.Errorf("%s: found %q in %q", name, names, text)
			}
		}
	}
}

// files are texts of each format: a line is reported if it has the word "honour".
var files = map[string]string{
	"a.md": "# Honour a title\n\nText `honour` of [a link](https://honour.example/x)\nthat honours it.\n\n" +
		"```\nhonour\n```\n\n- An item that\n  honours it.\n\nCode:\n\n    honour, as code\n\n| a | honour |\n|---|---|\n" +
		"Allowed: honour. <!-- prose: allow honour a quotation -->\n",
	"a.go": "// Package a does not honour.\n//\n//\thonour, as code\npackage a\n\nimport \"errors\"\n\n" +
		"//go:generate honour\n\nvar (\n\terr = errors.New(\"keys that we honour\")\n\tsql = \"SELECT honour FROM t WHERE x\"\n\tone = \"honour\"\n" +
		"\tok = \"keys that we honour\" // prose:allow honour a quotation\n\tsum = \"keys that \" +\n\t\t\"we honour\"\n)\n\n" +
		"type t struct {\n\tf int `json:\"x\" honour:\"a b c d e\"`\n}\n",
	"a_test.go":          "package a\n\nfunc TestKeys_AreHonoured(t *testing.T) {\n\tt.Run(\"keys we honour\", nil)\n\tt.Error(\"keys that we honour\")\n}\n",
	"a.yaml":             "# A comment to honour.\ninfo:\n  description: |\n    Text that\n    we honour.\n  x: honour\n  summary: To honour.\ny: {summary: to honour it}\n",
	"a.sql":              "-- Keys that we honour.\nSELECT honour;\n",
	"a.lua":              "local x = 'honour' -- to honour\n",
	"a.ts":               "// To honour.\nconst honour = 1;\n/* more to\n * honour */\n",
	"Makefile":           "build: ## honour it\n\thonour\n# To honour.\n",
	"docs/benchmarks.md": "We honour.\n",
}

func TestProse_ReportsByFormat(t *testing.T) {
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"for users", nil, "Makefile:1 a.go:11 a.go:15 a.md:1 a.md:17 a.md:4 a.md:11 a.yaml:5 a.yaml:7 a.yaml:8"},
		{
			"all",
			[]string{"-all"},
			"Makefile:1 Makefile:3 a.go:1 a.go:11 a.go:15 a.lua:1 a.md:1 a.md:11 a.md:17 a.md:4 a.sql:1 a.ts:1 a.ts:4 a.yaml:1 a.yaml:5 a.yaml:7 a.yaml:8 a_test.go:3 a_test.go:4",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if err := run(append(test.args, dir), &out, &errs); !errors.Is(err, errFound) {
				t.Errorf("error: %v", err)
			}
			var got []string
			for text := range strings.Lines(out.String()) {
				place, _, _ := strings.Cut(strings.TrimPrefix(text, dir+string(filepath.Separator)), ": ")
				got = append(got, place)
			}
			want := strings.Fields(test.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestProse_MeasureCountsAndDoesNotFail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.md")
	if err := os.WriteFile(path, []byte("We honour keys here.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run([]string{"-measure", path}, &out, &out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(got, "docs 4 1 250.0") {
		t.Errorf("got:\n%s", out.String())
	}
}

func TestProse_AllowanceOfAnUnknownRuleIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.md")
	for _, text := range []string{"Text. <!-- prose: allow nothing here -->\n", "Text. <!-- prose: allow honour -->\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := run([]string{path}, &out, &out); err == nil || !strings.Contains(err.Error(), "a.md:1: ") {
			t.Errorf("error of %q: %v", text, err)
		}
	}
}

func TestProse_HelpHasAnExample(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run([]string{"-h"}, &out, &errs); !errors.Is(err, flag.ErrHelp) || !strings.Contains(errs.String(), "go run ./tools/prose README.md") {
		t.Errorf("error %v, help:\n%s", err, errs.String())
	}
}
