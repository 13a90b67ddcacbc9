//go:build !profile

package main

// profile does nothing. A build with the tag profile writes a profile of its CPU time.
func profile() (stop func(), err error) { return func() {}, nil }
