package report

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"latchkey/internal/testserver"
)

// machine describes the machine of a run and the versions of the programs.
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

// ThisMachine describes the machine that runs the benchmarks.
func ThisMachine() machine {
	postgres, redis := testserver.Versions()
	return machine{
		Date: time.Now().UTC().Format("2006-01-02"), Commit: Output("git", "describe", "--always", "--dirty"), CPU: Field("/proc/cpuinfo", "model name"),
		Cores: runtime.NumCPU(), Memory: gigabytes(Field("/proc/meminfo", "MemTotal")), Kernel: Output("uname", "-sr"), Go: runtime.Version(),
		Postgres: numberIn(postgres), Redis: numberIn(redis),
	}
}

// Output returns what a command prints, or "unknown" if it fails.
func Output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// gigabytes turns "16384000 kB", where k is 1024, into GB.
func gigabytes(memory string) string {
	var n float64
	if _, err := fmt.Sscanf(memory, "%f kB", &n); err != nil {
		return memory
	}
	return fmt.Sprintf("%.1f GB", n*1024/1e9)
}

// numberIn returns the version in the output of a program: "postgres (PostgreSQL) 16.9",
// "Redis server v=7.2.4 sha=…".
func numberIn(said string) string {
	for word := range strings.FieldsSeq(said) {
		if word = strings.TrimPrefix(word, "v="); word[0] >= '0' && word[0] <= '9' {
			return word
		}
	}
	return "unknown"
}

// Field returns the value of the first line "name: value" of a file.
func Field(path, name string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
