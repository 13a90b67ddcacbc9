package repotest_test

import (
	"testing"

	"latchkey/repository/repotest"
	"latchkey/repository/throwaway"
)

func TestMain(m *testing.M) { throwaway.Main(m) }

// TestConformance runs the suite on both sets of stores.
func TestConformance(t *testing.T) {
	for _, set := range throwaway.Sets() {
		t.Run(set.Name, func(t *testing.T) { repotest.Run(t, set.Open) })
	}
}
