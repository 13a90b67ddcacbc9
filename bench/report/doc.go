// Package report prints what the benchmarks measured, and writes the pages about it.
package report
