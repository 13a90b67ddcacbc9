package rig

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// BcryptAlone returns the number of hashes a second on all cores.
func BcryptAlone(d time.Duration) float64 {
	hash, err := bcrypt.GenerateFromPassword([]byte("x"), Cost)
	if err != nil {
		panic(err) // the cost is in range
	}
	var n atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for range runtime.NumCPU() {
		all.Go(func() {
			for time.Since(begin) < d {
				_ = bcrypt.CompareHashAndPassword(hash, []byte("y"))
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / time.Since(begin).Seconds()
}
