package controller_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/app"
	"latchkey/internal/await"
	"latchkey/internal/testserver"
	"latchkey/service/audit"
	"latchkey/service/jose"
	"latchkey/service/keys"
)

// TestRotate_RefusesNoRequest lets users work on two replicas whose clocks differ, while the
// keys of both uses rotate through every algorithm.
func TestRotate_RefusesNoRequest(t *testing.T) {
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			store := set.Open(t)
			settings := []string{"tokens.algorithm=auto", "refresh.absolute_ttl=24h", "refresh.idle_ttl=24h"}
			var replicas [2]*instance
			for i := range replicas {
				var err error
				at := &testClock{real: true, skew: time.Duration(i) * 500 * time.Millisecond}
				replicas[i], err = startIn(t, app.Env{
					Now: at.Now, Stores: &app.Stores{Store: store}, KeyPoll: 20 * time.Millisecond, KeyPublish: 400 * time.Millisecond,
				}, settings...)
				must(t, err)
			}
			replicas[0].addAda(t)

			var asked, refused atomic.Int64
			stop := make(chan struct{})
			var users sync.WaitGroup
			for worker := range 6 {
				users.Go(func() { work(t, replicas, worker, stop, &asked, &refused) })
			}
			kids := rotateAll(t, replicas[0].Keys, &asked)
			close(stop)
			users.Wait()
			t.Logf("%d requests while the keys rotated %d times: %d refused", asked.Load(), kids, refused.Load())
			if refused.Load() != 0 || asked.Load() < 200 {
				t.Fail()
			}
		})
	}
}

// rotateAll rotates through every algorithm, and waits until each key signs. It returns the
// number of rotations.
func rotateAll(t *testing.T, ring *keys.Ring, asked *atomic.Int64) (times int) {
	for _, a := range []jose.Algorithm{jose.EdDSA, jose.ES256, jose.RS256, jose.HS256, jose.EdDSA} {
		_, err := ring.Add(t.Context(), jose.Key{Algorithm: a}, keys.UseAccess, audit.Origin{})
		must(t, err)
		for _, use := range []keys.Use{keys.UseAccess, keys.UseRefresh} {
			next, err := ring.Rotate(t.Context(), use, false, audit.Origin{})
			must(t, err)
			await.Eventually(t, 20*time.Second, "the next key signs", func() bool {
				for _, k := range ring.KeySet().Keys(time.Now()) {
					if k.ID == next.ID {
						next = k
					}
				}
				return next.State == keys.Active
			})
			times++
		}
		before := asked.Load()
		await.Eventually(t, 20*time.Second, "some work with this key", func() bool { return asked.Load() >= before+20 })
	}
	return times
}

// work logs in and then sends requests and refreshes, each time at the replica that did not
// issue the token.
func work(t *testing.T, replicas [2]*instance, worker int, stop <-chan struct{}, asked, refused *atomic.Int64) {
	clients := [2]*http.Client{replicas[0].client(false), replicas[1].client(false)}
	var tokens struct{ AccessToken, RefreshToken string }
	do := func(i int, method, path, body string) bool {
		req, err := http.NewRequest(method, replicas[i%2].public.String()+path, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return false
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		} else {
			req.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		}
		res, err := clients[i%2].Do(req)
		if err != nil {
			t.Error(err)
			return false
		}
		defer func() { _ = res.Body.Close() }()
		answer, _ := io.ReadAll(res.Body)
		asked.Add(1)
		if res.StatusCode != http.StatusOK {
			refused.Add(1)
			t.Errorf("%s %s: %d %s", method, path, res.StatusCode, answer)
			return false
		}
		if body != "" {
			_ = json.Unmarshal(answer, &tokens)
		}
		return true
	}
	if !do(worker, "POST", "/api/users/login", `{"username":"ada","password":"correct horse"}`) {
		return
	}
	for i := worker + 1; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		ok := do(i, "GET", "/api/users/me", "")
		if ok && i%3 == 0 {
			ok = do(i, "POST", "/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, tokens.RefreshToken))
		}
		if !ok {
			return
		}
	}
}
