package main

import (
	"fmt"
	"slices"
)

// spread is the same figure of each run.
type spread []float64

func (s spread) median() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s))[len(s)/2]
}

func (s spread) min() float64 { return slices.Min(append(spread{s.median()}, s...)) }
func (s spread) max() float64 { return slices.Max(append(spread{s.median()}, s...)) }

// times is each figure, so many times.
func (s spread) times(factor float64) spread {
	list := make(spread, len(s))
	for i, v := range s {
		list[i] = v * factor
	}
	return list
}

// String is the median, and what it lies between.
func (s spread) String() string {
	return fmt.Sprintf("%s (%s to %s)", short(s.median()), short(s.min()), short(s.max()))
}

// short writes a figure with three digits that count, as far as they do.
func short(v float64) string {
	switch {
	case v >= 100 || v == float64(int64(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
