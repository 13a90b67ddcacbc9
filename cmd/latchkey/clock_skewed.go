//go:build skewed

package main

import (
	"os"
	"strings"
	"sync"
	"time"
)

// wallClock returns the clock of a program that was built to test wrong clocks. It is off by
// the duration in the file that SKEWED_CLOCK_FILE names, which is read again ten times a
// second. The monotonic reading is removed, because only the wall clock is wrong in such a
// test.
func wallClock() func() time.Time {
	var mu sync.Mutex
	var off time.Duration
	var read time.Time
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if now.Sub(read) > 100*time.Millisecond {
			text, _ := os.ReadFile(os.Getenv("SKEWED_CLOCK_FILE"))
			off, _ = time.ParseDuration(strings.TrimSpace(string(text))) // no file, no skew
			read = now
		}
		return now.Round(0).Add(off)
	}
}
