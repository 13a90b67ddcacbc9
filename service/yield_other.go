//go:build !linux

package service

// yieldToOthers does nothing where threads have no priority of their own.
func yieldToOthers() {}
