package service_test

import (
	"testing"

	"latchkey/internal/testserver"
	"latchkey/repository"
)

// BenchmarkRefresh is a refresh without HTTP, one after the other, so that most of it
// is the wait for the stores. Without grace each one replaces the token.
func BenchmarkRefresh(b *testing.B) {
	policy := standard
	policy.Grace = 0
	for _, set := range testserver.Sets() {
		b.Run(set.Name, func(b *testing.B) {
			w := newWorld(b, set.Open(b), policy)
			w.user(b, "anna")
			token := w.begin(b, "anna")
			b.ReportAllocs()
			for b.Loop() {
				g, err := w.refresh(token)
				if err != nil || g.Outcome != repository.OutcomeRotated {
					b.Fatal(g.Outcome, err)
				}
				token = g.Refresh
			}
		})
	}
}
