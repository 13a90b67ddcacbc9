package main

import (
	"os"
	"runtime"
	"sync"
)

// cores returns the number of cores that the process may use, as the runtime detected it.
var cores = sync.OnceValue(func() int { return runtime.GOMAXPROCS(0) })

// spareThreads doubles the number of threads that Go runs at once, so that other goroutines do
// not wait for hashes. A hash occupies a thread for a tenth of a second, and the kernel then
// shares the cores.
func spareThreads() {
	if n := cores(); os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * n)
	}
}
