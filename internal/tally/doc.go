// Package tally counts events by name without locks.
package tally
