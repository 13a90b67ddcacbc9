package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme_TourWorks runs the lines of the README's tour like a reader, in one shell, against
// a new program in the embedded mode. Only the address differs.
func TestReadme_TourWorks(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	must(t, err)
	port := freePort(t)
	dir := t.TempDir()
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+filepath.Join(dir, "data")+"'")
	startProgram(t, port, file)

	script, lines := "set -eu\n", 0
	_, rest, _ := strings.Cut(string(text), "## A tour with curl")
	tour, _, _ := strings.Cut(rest, "\n## ")
	for _, block := range strings.Split(tour, "```sh\n")[1:] {
		code, _, _ := strings.Cut(block, "```")
		for line := range strings.Lines(code) {
			line = strings.ReplaceAll(line, "127.0.0.1:8080", fmt.Sprintf("127.0.0.1:%d", port))
			script += strings.TrimSuffix(line, "\n") + "\necho\n"
			lines++
		}
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The output that a reader sees, in order.
	rest = string(out)
	for _, want := range []string{
		`"username":"ada"`, `"email":"ada@example.org"`, `"accessToken":"Bearer ey`, "204", `"error":"session_revoked"`,
		`"refreshAfter"`, `"username":"ada"`, `"accessTokenExpiryDate"`, "204",
		"verified 204", "asked 202", "reset 204", `"pendingEmail":"ada@example.net"`, "changed 204", "restored 204", `"email":"ada@example.org"`, "deleted 204",
	} {
		before, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("no %s in the rest of the output:\n%s", want, before)
		}
		rest = after
	}
	t.Logf("%d lines of the tour", lines)
}
