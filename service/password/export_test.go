package password

import (
	"context"
	"testing"
	"time"
)

// GateForTest returns the do method of a gate, and its counts. The gate is closed with the test.
func GateForTest(t *testing.T, slots int, wait, expected time.Duration) (do func(context.Context, string, func() error) error, counts func() Counts) {
	g := newGate(slots, wait, expected)
	t.Cleanup(g.close)
	return g.do, g.counts
}

// SlotForTest gives a job to a slot and returns the slot's answer.
func (h *Hasher) SlotForTest(ctx context.Context) error {
	return h.gate.run(&job{ctx: ctx, do: func() error { return nil }})
}
