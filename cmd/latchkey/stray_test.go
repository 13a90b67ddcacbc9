package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommands_CreateNoStore runs every command without a store: without settings, in a
// directory in which the service was never started.
func TestCommands_CreateNoStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	file := settingsFile(t, "data.dir: '"+dir+"'")
	token := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(token, []byte("a.b.c"), 0o600))
	for _, args := range [][]string{
		{"user", "create", "--username", "ada", "--email", "ada@example.org", "--privilege", "2"},
		{"user", "disable", "--user", "ada"},
		{"user", "set-password", "--user", "ada"},
		{"sessions", "list", "--user", "ada"},
		{"sessions", "revoke", "--all"},
		{"audit", "list"},
		{"audit", "purge", "--before", "1d"},
		{"client", "create", "--grant", "client_credentials"},
		{"client", "list"},
		{"key", "list"},
		{"key", "add"},
		{"token", "inspect", token},
		{"migrate", "status"},
		{"clock", "status"},
		{"clock", "accept"},
	} {
		_, err := command(t, "correct horse\n", append(args, "--config", file)...)
		if err == nil || !strings.Contains(err.Error(), "does not exist") || !strings.Contains(err.Error(), "LATCHKEY_DATABASE_URL") {
			t.Errorf("%v: %v", args, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Fatalf("%v: it made %s", args, dir)
		}
	}
	_, err := command(t, "", "migrate", "up", "--config", file)
	must(t, err)
	_, err = command(t, "", "key", "list", "--config", file)
	if err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("without a secret: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret")); err == nil {
		t.Error("a command made a secret")
	}
}

func TestCommands_SayWhichStoreTheyUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	file := settingsFile(t, "data.dir: '"+dir+"'")
	var out, errOut lockedBuffer
	for _, args := range [][]string{{"migrate", "up"}, {"client", "list"}} {
		must(t, run(t.Context(), append(args, "--config", file), strings.NewReader(""), &out, &errOut))
	}
	if n := strings.Count(errOut.String(), "latchkey: using SQLite in "+filepath.Join(dir, "latchkey.db")+"\n"); n != 2 || strings.Contains(out.String(), "using") {
		t.Errorf("stdout %q, stderr %q", out.String(), errOut.String())
	}
}

func TestCommands_MistypedIsAnErrorWithASuggestion(t *testing.T) {
	for line, want := range map[string]string{
		"user crate": "did you mean create?", "usr": "did you mean user?", "key rotat": "did you mean rotate?",
		"completion bsh": "did you mean bash", "help usr": "did you mean user?", "help user creat": "did you mean create?",
		"user nope --help": `unknown command "nope" for "latchkey user"`, "usr --help": "did you mean user?", "--help usr": "did you mean user?",
		"user creat -h": "did you mean create?", "help user create x": `unknown command "x" for "latchkey user create"`,
		"client bogus": `unknown command "bogus" for "latchkey client"`, "bogus": `unknown command "bogus"`,
	} {
		if _, err := command(t, "", strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
	for line, want := range map[string]string{
		"help": "Available Commands", "help user": "user [command]", "help user create": "--privilege", "user --help": "Available Commands",
		"user create --help": "-h, --help", "--help": "Available Commands", "completion bash": "complete", "completion": "Available Commands",
	} {
		if out, err := command(t, "", strings.Fields(line)...); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v %s", line, err, out)
		}
	}
	if out, err := command(t, "", "user"); err != nil || !strings.Contains(out, "Available Commands") {
		t.Errorf("user: %v %s", err, out)
	}
	if out, err := command(t, "", "version"); err != nil || !strings.HasPrefix(out, "latchkey ") {
		t.Errorf("version: %v %s", err, out)
	}
}
