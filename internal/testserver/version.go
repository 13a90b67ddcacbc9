package testserver

import (
	"os/exec"
	"path/filepath"
	"strings"
)

// Versions returns the versions of the installed server programs, or "" for a program that is
// not installed.
func Versions() (postgres, redis string) {
	if bin := postgresBin(); bin != "" {
		postgres = versionOf(filepath.Join(bin, "postgres"))
	}
	return postgres, versionOf("redis-server")
}

func versionOf(program string) string {
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
