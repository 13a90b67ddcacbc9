// Package testout reads the output of go test.
package testout
