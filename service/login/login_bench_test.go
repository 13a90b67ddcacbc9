package login_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/service/login"
	"latchkey/service/password"
	"latchkey/service/secret"
)

// benchUsers take turns, so that none has so many sessions that the oldest must go.
const benchUsers = 100

// BenchmarkLogin is a log-in without HTTP, at the lowest cost of bcrypt. Of it,
// hash-ns/op is bcrypt, and rest-ns/op all the rest, which no cost changes.
func BenchmarkLogin(b *testing.B) {
	for _, set := range testserver.Sets() {
		b.Run(set.Name, func(b *testing.B) {
			w := apptest.NewWorld(b, set.Open(b), apptest.Standard)
			hasher := limitLogins(b, w)
			for i := range benchUsers {
				w.User(b, fmt.Sprint("user", i))
			}
			var hashing time.Duration
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.Begin(b, fmt.Sprint("user", i%benchUsers))
				hashing += hasher.Counts().Mean
			}
			each := float64(hashing) / float64(b.N)
			b.ReportMetric(each, "hash-ns/op")
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)-each, "rest-ns/op")
		})
	}
}

// limitLogins gives a world the limits of log-ins that are on by default, and a hasher
// of its own, which has measured how long it takes.
func limitLogins(b *testing.B, w *apptest.World) *password.Hasher {
	b.Helper()
	keys, err := secret.New([]byte(apptest.Secret))
	apptest.Must(b, err)
	rule := func(free int) login.LimitRule {
		return login.LimitRule{Free: free, Base: time.Second, Max: time.Minute, Forget: 24 * time.Hour}
	}
	hasher := password.NewHasher(bcrypt.MinCost, 1, time.Minute)
	b.Cleanup(hasher.Close)
	limits := login.Limits{AccountAddress: rule(5), Account: rule(20), Address: rule(50), Client: rule(1000), Device: rule(10)}
	w.Throttle = login.NewThrottle(w.Store.Limits, keys, limits, w.Now)
	w.Login = login.New(w.Store, hasher, w.Throttle, w.Sessions, false, w.Trusted, w.Audit, apptest.Discard())
	for range 20 {
		_, err := hasher.Hash(context.Background(), "", password.New("correct horse"))
		apptest.Must(b, err)
	}
	return hasher
}
