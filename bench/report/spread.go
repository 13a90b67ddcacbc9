package report

import (
	"fmt"
	"slices"
)

// Spread is one figure in each run.
type Spread []float64

// Median returns the median of the runs.
func (s Spread) Median() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s))[len(s)/2]
}

func (s Spread) min() float64 { return slices.Min(append(Spread{s.Median()}, s...)) }
func (s Spread) max() float64 { return slices.Max(append(Spread{s.Median()}, s...)) }

// Worst returns the largest figure alone.
func (s Spread) Worst() Spread { return Spread{s.max()} }

// String returns the median, the least and the most.
func (s Spread) String() string {
	return fmt.Sprintf("%s (%s to %s)", Short(s.Median()), Short(s.min()), Short(s.max()))
}

// Short returns a figure with three significant digits, or as a whole number.
func Short(v float64) string {
	switch {
	case v >= 100 || v == float64(int64(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
