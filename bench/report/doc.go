// Package report prints what the benchmarks measured, and writes docs/benchmarks.md.
package report
