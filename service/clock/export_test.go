package clock

import "time"

// StandStillForTest simulates a pause of the process for d.
func (c *Clock) StandStillForTest(d time.Duration) { c.lastTick.Add(-int64(d)) }

// LaterForTest simulates that d has passed since the process was resumed.
func (c *Clock) LaterForTest(d time.Duration) { c.wokenUntil.Add(-int64(d)) }
