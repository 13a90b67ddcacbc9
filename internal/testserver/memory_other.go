//go:build !linux

package testserver

func memory() string { return "" }
