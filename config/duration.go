package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// hint is an error that says how to write a value.
type hint string

// Error implements error.
func (h hint) Error() string { return string(h) }

const (
	hintDuration = hint("write a duration with its unit, as in 10m or 14d")
	hintNetworks = hint("write networks as in 10.0.0.0/8")
	hintQuotes   = hint("has quotes around it: remove them")
	hintPairs    = hint("write pairs as in token_expired=419,token_missing=400")
)

// ParseDuration parses durations of time.ParseDuration, and days: 14d. Its errors say how to
// write a duration.
func ParseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err == nil {
			return time.Duration(n * 24 * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, hintDuration
	}
	return d, nil
}

// showDuration returns a duration as 14d, 10m or 1m30s, without units that are zero.
func showDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
