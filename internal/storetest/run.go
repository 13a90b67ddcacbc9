package storetest

import (
	"testing"

	"latchkey/repository"
)

// Open returns an empty set of stores that is closed with the test.
type Open func(t testing.TB) repository.Store

// Run runs the suite. It opens a set of stores for each promise.
func Run(t *testing.T, open Open) {
	groups := []struct {
		name     string
		promises []promise
	}{
		{"Users", users},
		{"Callers", callers},
		{"Revocations", revocations},
		{"Audits", audits},
		{"Keys", keys},
		{"Clients", clients},
		{"Codes", codes},
		{"Links", links},
		{"Outbox", outbox},
		{"Sessions", sessions},
		{"Devices", devices},
		{"Limits", limits},
		{"Health", health},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, p := range g.promises {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.check(t, open(t))
				})
			}
		})
	}
}
