// Package clock provides the time that the service decides by. Clock.Now is rounded to the
// resolution that every store keeps, so that a time read back equals the time written.
//
// A Clock compares the system clock with the clock of the database and with a time mark in the
// store. While they disagree, the replica reports itself as not ready, and nothing is deleted.
package clock
