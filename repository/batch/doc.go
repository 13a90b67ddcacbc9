// Package batch lets concurrent calls share one round trip to a store, or one write to a disk.
// Calls are never delayed to fill a batch. If no batch runs, a call runs immediately; calls that
// arrive meanwhile form the next batch. Beside a slow batch the next one starts after 20 ms, so
// that one hanging connection does not hold up the others.
package batch
