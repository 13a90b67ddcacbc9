//go:build !linux

package testserver

import (
	"syscall"
)

func attributes(bool) *syscall.SysProcAttr { return nil }

func signal(int, syscall.Signal) {}

func give(string) error { return nil }

func memory() string { return "" }
