package service

import (
	"sync/atomic"

	"latchkey/repository"
)

// counts counts outcomes. The map is never written after newCounts.
type counts map[repository.Outcome]*atomic.Int64

func newCounts() counts {
	c := counts{}
	for _, o := range repository.Outcomes() {
		c[o] = new(atomic.Int64)
	}
	return c
}

func (c counts) add(o repository.Outcome) {
	if n := c[o]; n != nil {
		n.Add(1)
	}
}

// Counts returns how often refreshes of this process had each outcome.
func (s *Sessions) Counts() map[repository.Outcome]int64 {
	m := make(map[repository.Outcome]int64, len(s.counts))
	for o, n := range s.counts {
		m[o] = n.Load()
	}
	return m
}
