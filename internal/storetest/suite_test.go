package storetest_test

import (
	"testing"

	"latchkey/internal/storetest"
	"latchkey/internal/testserver"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// TestConformance runs the suite on both sets of stores.
func TestConformance(t *testing.T) {
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) { storetest.Run(t, set.Open) })
	}
}
