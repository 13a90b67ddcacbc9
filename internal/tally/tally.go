package tally

import "sync/atomic"

// Tally counts by a label out of a fixed set. The map is never modified after New.
type Tally[K comparable] map[K]*atomic.Int64

// New returns a Tally with these labels, each 0.
func New[K comparable](labels ...K) Tally[K] {
	t := Tally[K]{}
	for _, label := range labels {
		t[label] = new(atomic.Int64)
	}
	return t
}

// Add increments the count of a label. It ignores a label that is not in the Tally.
func (t Tally[K]) Add(label K) {
	if n := t[label]; n != nil {
		n.Add(1)
	}
}

// Read returns the counts.
func (t Tally[K]) Read() map[K]int64 {
	m := make(map[K]int64, len(t))
	for label, n := range t {
		m[label] = n.Load()
	}
	return m
}
