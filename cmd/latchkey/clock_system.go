//go:build !skewed

package main

import "time"

// wallClock is the clock of the program.
func wallClock() func() time.Time { return time.Now }
