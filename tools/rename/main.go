// Rename changes the path of the module, for a fork or for a host of its own:
//
//	go run ./tools/rename example.org/you/latchkey
//
// It rewrites go.mod and the other module files, the imports of Go files, the settings
// of the linter, package paths in documents and build files, and the repository of the
// browser client's package. It changes no string of a Go file, and lists those that contain
// the old path.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const usage = `Change the module path of this tree.

Usage:
  rename [flags] MODULE

Example:
  go run ./tools/rename example.org/you/latchkey

Flags:
`

func main() {
	switch err := run(os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
}

func run(args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("rename", flag.ContinueOnError)
	flags.SetOutput(errs)
	force := flags.Bool("force", false, "rename in a tree with uncommitted changes")
	dir := flags.String("C", ".", "root of the tree")
	flags.Usage = func() {
		fmt.Fprint(errs, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 1 {
		return fmt.Errorf("want one module path, got %q", flags.Args())
	}
	to := flags.Arg(0)
	if err := validate(to); err != nil {
		return err
	}
	from, err := module(*dir)
	if err != nil {
		return err
	}
	if from == to {
		fmt.Fprintf(out, "The module is already named %s.\n", to)
		return nil
	}
	if err := clean(*dir, *force); err != nil {
		return err
	}
	return rename(*dir, from, to, out)
}

var element = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$`)

// validate reports why a path cannot name a module that others import.
func validate(path string) error {
	if path == "" {
		return errors.New("no module path: run make rename MODULE=example.org/you/latchkey")
	}
	elements := strings.Split(path, "/")
	for _, e := range elements {
		if !element.MatchString(e) || strings.HasSuffix(e, ".") {
			return fmt.Errorf("module path %q: %q is not an element of a path: use letters, digits, and - . _ ~ between single slashes", path, e)
		}
	}
	host := elements[0]
	if !strings.Contains(host, ".") || host != strings.ToLower(host) {
		return fmt.Errorf("module path %q: begin with a host in lower case that has a dot, as in example.org/you/latchkey", path)
	}
	return nil
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)"?`)

// module returns the path that go.mod declares.
func module(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("run this at the root of the tree: %w", err)
	}
	m := moduleLine.FindSubmatch(text)
	if m == nil {
		return "", errors.New("go.mod declares no module")
	}
	return string(m[1]), nil
}

// clean returns an error if a tree has uncommitted changes.
func clean(dir string, force bool) error {
	changed, err := git(dir, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" && !force {
		return errors.New("the tree has uncommitted changes: commit or stash them, or set FORCE=1 (-force)")
	}
	return nil
}

func git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("run git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("run git %s: %w", args[0], err)
	}
	return string(out), nil
}

// rename rewrites each file of the tree that names the module.
func rename(dir, from, to string, out io.Writer) error {
	listed, err := git(dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	if err != nil {
		return err
	}
	paths := strings.Split(strings.TrimSuffix(listed, "\x00"), "\x00")
	rewrite := newRewriter(from, to, directories(paths))
	changed := 0
	var left []string
	for _, path := range paths {
		full := filepath.Join(dir, path)
		info, err := os.Lstat(full)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not committed
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		old, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		text, places, err := rewrite.file(path, old)
		if err != nil {
			return err
		}
		left = append(left, places...)
		if text == string(old) {
			continue
		}
		if err := os.WriteFile(full, []byte(text), info.Mode().Perm()); err != nil {
			return err
		}
		fmt.Fprintln(out, "changed", path)
		changed++
	}
	fmt.Fprintf(out, "%d files changed from %s to %s.\n", changed, from, to)
	if len(left) > 0 {
		fmt.Fprintf(out, "Strings that contain the old path and were not changed:\n  %s\n", strings.Join(left, "\n  "))
	}
	fmt.Fprintln(out, "Run make fmt verify test next.")
	return nil
}
