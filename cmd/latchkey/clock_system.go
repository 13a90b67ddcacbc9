//go:build !skewed

package main

import "time"

// wallClock returns the clock of the program.
func wallClock() func() time.Time { return time.Now }
