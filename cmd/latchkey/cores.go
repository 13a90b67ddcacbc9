package main

import (
	"os"
	"runtime"
	"sync"
)

// cores is how many cores the process may use: as the runtime found them.
var cores = sync.OnceValue(func() int { return runtime.GOMAXPROCS(0) })

// spareThreads lets Go run as many threads again beside those that hash: a hash
// holds one for a tenth of a second, and the kernel then decides who gets a core.
func spareThreads() {
	if n := cores(); os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * n)
	}
}
