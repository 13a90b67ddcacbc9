package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine is where a run was made, with which versions.
type machine struct {
	Date     string `json:"date"`
	Commit   string `json:"commit"`
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	Memory   string `json:"memory"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
	Postgres string `json:"postgres"`
	Redis    string `json:"redis"`
}

func thisMachine() machine {
	return machine{
		Date: time.Now().UTC().Format("2006-01-02"), Commit: output("git", "describe", "--always", "--dirty"), CPU: field("/proc/cpuinfo", "model name"),
		Cores: runtime.NumCPU(), Memory: field("/proc/meminfo", "MemTotal"), Kernel: output("uname", "-sr"), Go: runtime.Version(),
	}
}

func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// field is the value of the first line "name: value" of a file.
func field(path, name string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
