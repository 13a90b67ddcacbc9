package main

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestKnots_PrintsTheLargestKnotOfEachPackage(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run([]string{"-C", "testdata", "./..."}, &out, &errs); err != nil {
		t.Fatal(err, errs.String())
	}
	for line, want := range map[string]string{
		"fields":  "3 2 a.go b.go",
		"knot":    "3 2 a.go b.go",
		"methods": "2 2 a.go b.go",
		"none":    "2 1",
	} {
		if got := row(out.String(), "example.org/knots/"+line); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func TestKnots_FailsIfALimitIsExceeded(t *testing.T) {
	for _, test := range []struct{ name, args, message string }{
		{"a knot", "-max-knot 1 ./knot", "2 files depend on each other, more than 1"},
		{"files", "-max-files 2 ./knot", "3 files, more than 2"},
		{"neither", "-max-knot 2 -max-files 3 ./...", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			err := run(append([]string{"-C", "testdata"}, strings.Fields(test.args)...), &out, &errs)
			if (err != nil) != (test.message != "") || err != nil && !errors.Is(err, errExceeded) {
				t.Errorf("error: %v", err)
			}
			if !strings.Contains(errs.String(), test.message) {
				t.Errorf("message %q lacks %q", errs.String(), test.message)
			}
		})
	}
}

func TestKnots_PatternThatMatchesNothing(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run([]string{"-C", "testdata", "./absent"}, &out, &errs); err == nil {
		t.Error("no error")
	}
}

func TestKnots_HelpHasAnExample(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run([]string{"-h"}, &out, &errs); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error: %v", err)
	}
	if !strings.Contains(errs.String(), "go run ./tools/knots -max-knot") {
		t.Errorf("no example in:\n%s", errs.String())
	}
}

// row returns what a table says of a package.
func row(table, name string) string {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); fields[0] == name {
			return strings.Join(fields[1:], " ")
		}
	}
	return "absent"
}
