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

// benchUsers log in alternately, so that no user reaches the limit of sessions.
const benchUsers = 100

// BenchmarkLogin measures a login without HTTP, at the lowest cost of bcrypt. hash-ns/op is the
// share of bcrypt; rest-ns/op is the remainder, which does not depend on the cost.
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

// limitLogins sets the default limits of logins in a world, and gives it a hasher that has already
// measured its speed.
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
	w.Login = login.New(w.Store, hasher, w.Throttle, w.Sessions, login.Rules{}, w.Mail, w.Trusted, w.Audit, apptest.Discard())
	for range 20 {
		_, err := hasher.Hash(context.Background(), "", password.New("correct horse"))
		apptest.Must(b, err)
	}
	return hasher
}
