// Package tally counts events by name, without a lock on the way.
package tally
