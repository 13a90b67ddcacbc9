// Package await waits in tests for what another process or goroutine does: an event, a line of
// output, or a condition. No test sleeps for a fixed time.
package await
