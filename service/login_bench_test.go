package service_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/internal/testserver"
	"latchkey/service"
)

// benchUsers take turns, so that none has so many sessions that the oldest must go.
const benchUsers = 100

// BenchmarkLogin is a log-in without HTTP, at the lowest cost of bcrypt. Of it,
// hash-ns/op is bcrypt, and rest-ns/op all the rest, which no cost changes.
func BenchmarkLogin(b *testing.B) {
	for _, set := range testserver.Sets() {
		b.Run(set.Name, func(b *testing.B) {
			w := newWorld(b, set.Open(b), standard)
			hasher := limitLogins(b, w)
			for i := range benchUsers {
				w.user(b, fmt.Sprint("user", i))
			}
			var hashing time.Duration
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.begin(b, fmt.Sprint("user", i%benchUsers))
				hashing += hasher.TookForTest()
			}
			each := float64(hashing) / float64(b.N)
			b.ReportMetric(each, "hash-ns/op")
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)-each, "rest-ns/op")
		})
	}
}

// limitLogins gives a world the limits of log-ins that are on by default, and a hasher
// of its own, which has measured how long it takes.
func limitLogins(b *testing.B, w *world) *service.Hasher {
	b.Helper()
	keys, err := service.NewRootSecret([]byte(secret))
	must(b, err)
	rule := func(free int) service.LimitRule {
		return service.LimitRule{Free: free, Base: time.Second, Max: time.Minute, Forget: 24 * time.Hour}
	}
	hasher := service.NewHasher(bcrypt.MinCost, 1, time.Minute)
	b.Cleanup(hasher.Close)
	limits := service.LoginLimits{AccountAddress: rule(5), Account: rule(20), Address: rule(50), Client: rule(1000), Device: rule(10)}
	w.throttle = service.NewThrottle(w.store.Limits, keys, limits, w.clock)
	w.login = service.NewLogin(w.store, hasher, w.throttle, w.sessions, false, w.trusted, w.audit, discard())
	for range 20 {
		_, err := hasher.Hash(context.Background(), "", service.NewPassword("correct horse"))
		must(b, err)
	}
	return hasher
}
