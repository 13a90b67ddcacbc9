package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The docs mention example.org/you/latchkey, which the test must be able to tell from its own name.
const fork = "example.org/team/latchkey"

// checkout copies the tree, as git lists it, and commits the copy.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	listed, err := git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		t.Skip("the tree is no git checkout:", err)
	}
	dir := t.TempDir()
	for _, path := range strings.Split(strings.TrimSuffix(listed, "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, path))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, path), string(text))
	}
	commit(t, dir)
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "-A"},
		{"-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "-m", "tree"},
	} {
		if _, err := git(dir, args...); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRename_TreeStillBuilds(t *testing.T) {
	dir := checkout(t)
	var out bytes.Buffer
	if err := run([]string{"-C", dir, fork}, &out, &out); err != nil {
		t.Fatal(err)
	}
	// The build of every package takes minutes, since the cache is keyed by import path.
	// go list resolves every import, also of tests and of the other module.
	for _, test := range []struct{ in, args string }{
		{".", "list -test -deps -tags nomsgpack,grpcnotrace ./..."},
		{".", "vet ./middleware/access ./tools/mutants"},
		{"middleware/access/testdata/resourceserver", "list -deps ./..."},
		{"deploy/check", "list -test -deps ./..."},
	} {
		cmd := exec.Command("go", strings.Fields(test.args)...)
		cmd.Dir = filepath.Join(dir, test.in)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s in %s: %v\n%s", test.args, test.in, err, text[max(0, len(text)-2000):])
		}
	}
	settings := read(t, filepath.Join(dir, ".golangci.yml"))
	for _, want := range []string{"{pkg: " + fork + "/", "local-prefixes: [" + fork + "]", "module-path: " + fork + "\n"} {
		if !strings.Contains(settings, want) {
			t.Errorf(".golangci.yml lacks %q", want)
		}
	}
	if strings.Contains(settings, "pkg: latchkey/") {
		t.Error(".golangci.yml names the old path")
	}

	commit(t, dir)
	out.Reset()
	if err := run([]string{"-C", dir, fork}, &out, &out); err != nil || !strings.Contains(out.String(), "already named") {
		t.Errorf("the same name again: %v, %s", err, out.String())
	}
	if err := run([]string{"-C", dir, "git.example.com/us/auth"}, &out, &out); err != nil {
		t.Errorf("another name: %v", err)
	}
	if rest, err := git(dir, "grep", "-n", fork, "--", ".", ":!tools/rename", ":!tools/knots", ":!Makefile"); err == nil {
		t.Errorf("another name left:\n%s", rest)
	}
}

func TestRename_ChangesPackagePathsOnly(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{
		"go.mod":              "module latchkey\n\ngo 1.26\n",
		"nested/go.mod":       "module example.org/nested\n\nrequire latchkey v0.0.0\n\nreplace latchkey => ..\n",
		"nested/check/go.mod": "module latchkey/nested/check // a check\n",
		"a/a.go": "// Package a is latchkey/b.\npackage a\n\nimport (\n\t_ \"latchkey/b\"\n\tx \"latchkeyring/b\"\n)\n\n" +
			"var s = \"latchkey/b\"\n\nvar _ = x.X\n",
		"b/b.go":                  "package b\n",
		"README.md":               "`import \"latchkey/b\"` reads /etc/latchkey/b and ./latchkey/b; run latchkey. go get latchkey@latest\nrequire latchkey/b, latchkey/b\n",
		"Makefile":                "X := -X latchkey/b.version=1 -X=latchkey/b.x=2\n",
		"web/client/package.json": "{\n  \"repository\": {\n    \"type\": \"git\",\n    \"directory\": \"web/client\"\n  }\n}\n",
	} {
		write(t, filepath.Join(dir, path), text)
	}
	commit(t, dir)
	var out bytes.Buffer
	if err := run([]string{"-C", dir, fork}, &out, &out); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"go.mod":              "module F\n\ngo 1.26\n",
		"nested/go.mod":       "module example.org/nested\n\nrequire F v0.0.0\n\nreplace F => ..\n",
		"nested/check/go.mod": "module F/nested/check // a check\n",
		"a/a.go": "// Package a is latchkey/b.\npackage a\n\nimport (\n\t_ \"F/b\"\n\tx \"latchkeyring/b\"\n)\n\n" +
			"var s = \"latchkey/b\"\n\nvar _ = x.X\n",
		"README.md": "`import \"F/b\"` reads /etc/latchkey/b and ./latchkey/b; run latchkey. go get F@latest\nrequire F/b, F/b\n",
		"Makefile":  "X := -X F/b.version=1 -X=F/b.x=2\n",
		"web/client/package.json": "{\n  \"repository\": {\n    \"type\": \"git\",\n    \"url\": \"git+https://F.git\",\n" +
			"    \"directory\": \"web/client\"\n  }\n}\n",
	} {
		want = strings.ReplaceAll(want, "F", fork)
		if got := read(t, filepath.Join(dir, path)); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if err := run([]string{"-C", dir, "-force", "git.example.com/us/auth/v2"}, &out, &out); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "web/client/package.json")); !strings.Contains(got, `"url": "git+https://git.example.com/us/auth.git"`) || strings.Count(got, "url") != 1 {
		t.Errorf("package.json of another fork: %s", got)
	}
	if !strings.Contains(out.String(), "a/a.go:9") {
		t.Errorf("the string that was not changed is not listed:\n%s", out.String())
	}
}

func TestRename_Refuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module latchkey\n")
	commit(t, dir)
	write(t, filepath.Join(dir, "new.go"), "package x\n\nimport _ \"latchkey/y\"\n")
	for _, test := range []struct{ name, module, want string }{
		{"no name", "", "MODULE=example.org/you/latchkey"},
		{"no host", "auth", "that has a dot"},
		{"upper case", "Example.org/auth", "lower case"},
		{"a scheme", "https://example.org/auth", "single slashes"},
		{"an empty element", "example.org//auth", "single slashes"},
		{"a space", "example.org/an auth", "letters, digits"},
		{"a changed tree", "example.org/auth", "FORCE=1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run([]string{"-C", dir, test.module}, &out, &out)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error: %v", err)
			}
			if got := read(t, filepath.Join(dir, "go.mod")); got != "module latchkey\n" {
				t.Errorf("go.mod was changed: %q", got)
			}
		})
	}
	t.Run("a changed tree, forced", func(t *testing.T) {
		var out bytes.Buffer
		if err := run([]string{"-C", dir, "-force", "example.org/auth"}, &out, &out); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(dir, "new.go")); !strings.Contains(got, `"example.org/auth/y"`) {
			t.Errorf("the untracked file was not changed: %q", got)
		}
	})
}
