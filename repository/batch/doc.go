// Package batch lets concurrent calls share one round trip to a store, or one write to a disk.
// Calls are never delayed to fill a batch. If a slot is free the call runs immediately; calls
// that arrive meanwhile form the next batch.
package batch
