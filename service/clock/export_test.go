package clock

import "time"

// StandStillForTest is as if the process had stood still for so long.
func (c *Clock) StandStillForTest(d time.Duration) { c.lastTick.Add(-int64(d)) }

// LaterForTest is as if so much time had passed since it woke.
func (c *Clock) LaterForTest(d time.Duration) { c.wokenUntil.Add(-int64(d)) }
