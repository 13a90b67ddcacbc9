package main

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// What an operator sets for the Go runtime comes before the settings of the program.
func TestTuneRuntime_TheVariablesOfTheOperatorComeFirst(t *testing.T) {
	threads, percent, limit := runtime.GOMAXPROCS(0), debug.SetGCPercent(70), debug.SetMemoryLimit(1<<40)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(threads)
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	collects := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	for name, value := range map[string]string{"GOMAXPROCS": "3", "GOGC": "70", "GOMEMLIMIT": "1TiB"} {
		t.Setenv(name, value)
	}
	tuneRuntime(slog.New(slog.DiscardHandler))
	if n := runtime.GOMAXPROCS(0); n != threads {
		t.Errorf("GOMAXPROCS is %d", n)
	}
	if collects() != 70 || debug.SetMemoryLimit(-1) != 1<<40 {
		t.Errorf("GOGC is %d, GOMEMLIMIT is %d", collects(), debug.SetMemoryLimit(-1))
	}
	t.Setenv("GOGC", "")
	tuneRuntime(slog.New(slog.DiscardHandler))
	if collects() != collectAt {
		t.Errorf("GOGC is %d by default", collects())
	}
}
