// Package rig starts what the benchmarks measure: the program and its floor, with seeded stores and
// clients, and reads what they cost.
package rig
