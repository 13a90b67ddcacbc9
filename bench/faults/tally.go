package main

import (
	"fmt"
	"maps"
	"sync"
)

// What is counted. Refreshes are counted by outcome as well.
const (
	nRefreshes   = "refreshes accepted"
	nLogins      = "logins"
	nEnded       = "sessions ended, and acknowledged"
	nLost        = "answers lost on purpose"
	nRenewed     = "sessions renewed after 2 recoveries"
	nServer      = "answers 5xx"
	nLimited     = "answers 429"
	nTimeouts    = "no answer: timeout of the client"
	nBroken      = "no answer: connection error"
	nForced      = "forced logouts"
	nReuse       = "honest sessions ended by reuse"
	nBadServer   = "5xx not problem+json with Retry-After"
	nRefreshBack = "refresh tokens accepted after an acknowledged end"
	nAccessBack  = "access tokens accepted after an acknowledged end"
	nMeRefused   = "access tokens of a live session refused by /me"
	nStuck       = "clients without a refresh a minute after a fault"
	nStoreLost   = "logins lost with the store (allowed)"
	nOverBudget  = "sessions over the budget of recoveries (allowed)"
)

// mustBeZero are the counts that make a run fail.
var mustBeZero = []string{nForced, nReuse, nBadServer, nRefreshBack, nAccessBack, nMeRefused, nStuck}

// tally counts what the clients of a part saw.
type tally struct {
	mu      sync.Mutex
	n       map[string]int
	samples []string // of 5xx that break the rule
	thefts  []*theft
}

func newTally() *tally { return &tally{n: map[string]int{}} }

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n[name]++
}

// badServer counts a 5xx that breaks the rule, and keeps the first few.
func (t *tally) badServer(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n[nBadServer]++
	if len(t.samples) < 8 {
		t.samples = append(t.samples, fmt.Sprintf(format, args...))
	}
}

func (t *tally) stolen(one *theft) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.thefts = append(t.thefts, one)
}

// counts returns a copy.
func (t *tally) counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.n)
}

// merge adds the counts of another tally.
func (t *tally) merge(other *tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, n := range other.counts() {
		t.n[name] += n
	}
	t.samples = append(t.samples, other.samples...)
	t.thefts = append(t.thefts, other.thefts...)
}

// broken reports whether a count that must be 0 is not.
func broken(n map[string]int) bool {
	for _, name := range mustBeZero {
		if n[name] > 0 {
			return true
		}
	}
	return false
}
