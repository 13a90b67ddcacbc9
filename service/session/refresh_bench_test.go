package session_test

import (
	"testing"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/repository"
)

// BenchmarkRefresh measures sequential refreshes without HTTP, so that most of the time is the wait
// for the stores. Without a grace time each refresh replaces the token.
func BenchmarkRefresh(b *testing.B) {
	policy := apptest.Standard
	policy.Grace = 0
	for _, set := range testserver.Sets() {
		b.Run(set.Name, func(b *testing.B) {
			w := apptest.NewWorld(b, set.Open(b), policy)
			w.User(b, "anna")
			token := w.Begin(b, "anna")
			b.ReportAllocs()
			for b.Loop() {
				g, err := w.Refresh(token)
				if err != nil || g.Outcome != repository.OutcomeRotated {
					b.Fatal(g.Outcome, err)
				}
				token = g.Refresh
			}
		})
	}
}
