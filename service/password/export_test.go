package password

import (
	"context"
	"time"
)

// GateForTest returns a gate, as do, and what it counts.
func GateForTest(slots int, wait, expected time.Duration) (do func(context.Context, string, func() error) error, counts func() Counts) {
	g := newGate(slots, wait, expected)
	return g.do, g.counts
}

// SlotForTest gives a slot a job and returns what the slot answers.
func (h *Hasher) SlotForTest(ctx context.Context) error {
	return h.gate.run(&job{ctx: ctx, do: func() error { return nil }})
}
