package testserver

import (
	"os/exec"
	"path/filepath"
	"strings"
)

// Versions are what the servers that it starts say of themselves; empty where there is
// none.
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
