//go:build profile

package main

import (
	"os"
	"runtime/pprof"
)

// profile writes a profile of the CPU time into the file that CPU_PROFILE names, until stop is
// called. "make profile" builds the program like this.
func profile() (stop func(), err error) {
	f, err := os.Create(os.Getenv("CPU_PROFILE"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
