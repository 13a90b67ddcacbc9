package controller_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository"
)

// lossy is a proxy that drops a fifth of the answers: the service has done what
// was asked, and the client never hears of it.
func lossy(t *testing.T, address string, dropped *atomic.Int64) string {
	t.Helper()
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rand.IntN(5) > 0 {
			forward.ServeHTTP(w, r)
			return
		}
		forward.ServeHTTP(httptest.NewRecorder(), r)
		dropped.Add(1)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// phone is an honest client behind the lossy proxy.
type phone struct {
	token string
	late  []time.Time // retries later than grace, of the last day
	lost  bool        // logged out
}

// TestLostAnswersLogNobodyOut has honest clients refresh 10,000 times through
// the lossy proxy: first with retries at once, then with retries later than
// grace, as often as the budget of recoveries allows.
func TestLostAnswersLogNobodyOut(t *testing.T) {
	const phones = 50
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			instance, err := start(t, set.Open(t), clock, "refresh.absolute_ttl=87600h")
			must(t, err)
			instance.addAda(t)
			var dropped, refreshes, late atomic.Int64
			var asked atomic.Bool
			proxy := lossy(t, instance.address, &dropped)
			direct := &user{t: t, base: instance.public.String(), client: instance.client(false)}
			all := make([]*phone, phones)
			for i := range all {
				var got struct{ RefreshToken string }
				must(t, json.Unmarshal([]byte(direct.send("POST", "/api/users/login", `{"username":"ada","password":"correct horse"}`).body), &got))
				all[i] = &phone{token: got.RefreshToken}
			}
			round := func(patient bool) {
				waiting := slices.Clone(all)
				for len(waiting) > 0 {
					var mu sync.Mutex
					var again []*phone
					var group sync.WaitGroup
					for _, p := range waiting {
						group.Go(func() {
							if !p.refresh(t, proxy, &asked) {
								mu.Lock()
								defer mu.Unlock()
								again = append(again, p)
							}
						})
					}
					group.Wait()
					waiting = again
					if asked.Swap(false) {
						clock.Add(time.Second) // Retry-After
					}
					if patient && len(waiting) > 0 && within(waiting, clock.Now()) {
						clock.Add(11 * time.Second)
						for _, p := range waiting {
							p.late = append(p.late, clock.Now())
							late.Add(1)
						}
					}
				}
				refreshes.Add(phones)
			}
			for range 160 {
				clock.Add(time.Minute)
				round(false)
			}
			for range 40 {
				clock.Add(9 * time.Hour)
				round(true)
			}
			lost := 0
			for _, p := range all {
				if p.lost {
					lost++
				}
			}
			t.Logf("%d refreshes, %d answers dropped, %d retries later than grace: %d sessions lost; outcomes %v",
				refreshes.Load(), dropped.Load(), late.Load(), lost, instance.Sessions.Counts())
			if lost > 0 || refreshes.Load() < 10000 || dropped.Load() < 1000 || late.Load() == 0 {
				t.Error("want none lost")
			}
		})
	}
}

// refresh tries once; false if no answer came, or one that asks to come again.
func (p *phone) refresh(t *testing.T, proxy string, asked *atomic.Bool) bool {
	res, err := http.Post(proxy+"/api/users/refresh", "application/json", strings.NewReader(fmt.Sprintf(`{"refreshToken":%q}`, p.token)))
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	var got struct{ RefreshToken, Error string }
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		return false
	}
	if res.StatusCode == 503 && res.Header.Get("Retry-After") == "1" {
		asked.Store(true)
		return false
	}
	if res.StatusCode != 200 {
		t.Logf("an honest client is logged out: %d %s", res.StatusCode, got.Error)
		p.lost = true
		return true
	}
	p.token = got.RefreshToken
	return true
}

// within reports whether each of some phones may retry late once more.
func within(phones []*phone, now time.Time) bool {
	for _, p := range phones {
		p.late = slices.DeleteFunc(p.late, func(at time.Time) bool { return now.Sub(at) >= repository.RecoveryWindow })
		if len(p.late) >= repository.MaxRecoveries {
			return false
		}
	}
	return true
}
