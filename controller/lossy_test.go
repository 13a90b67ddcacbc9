package controller_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository"
)

// lossy is a network that drops a fifth of the responses: the service has processed the
// request, and the client gets no response. It uses no sockets: under the race detector they
// would take three quarters of the time.
type lossy struct {
	service http.Handler
	dropped atomic.Int64
}

var errDropped = errors.New("the answer was dropped")

// RoundTrip implements http.RoundTripper.
func (l *lossy) RoundTrip(req *http.Request) (*http.Response, error) {
	got := httptest.NewRecorder()
	served := req.Clone(req.Context())
	served.RequestURI, served.RemoteAddr, served.Host = req.URL.RequestURI(), "192.0.2.1:1234", req.URL.Host
	l.service.ServeHTTP(got, served)
	if rand.IntN(5) == 0 {
		l.dropped.Add(1)
		return nil, errDropped
	}
	return got.Result(), nil
}

// phone is an honest client behind the lossy network.
type phone struct {
	token string
	late  []time.Time // retries after the grace time, in the last day
	lost  bool        // logged out
}

// TestRefresh_LostAnswersKeepClientsLoggedIn lets honest clients refresh 10,000 times through the
// lossy network: first with immediate retries, then with retries after the grace time, as often
// as the budget of recoveries allows.
func TestRefresh_LostAnswersKeepClientsLoggedIn(t *testing.T) {
	const phones = 50
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			instance, err := start(t, set.Open(t), clock, "refresh.absolute_ttl=87600h")
			must(t, err)
			instance.addAda(t)
			var refreshes, late atomic.Int64
			var asked atomic.Bool
			network := &lossy{service: instance.Handler()}
			client := &http.Client{Transport: network}
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
							if !p.refresh(t, client, instance.public.String(), &asked) {
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
				refreshes.Load(), network.dropped.Load(), late.Load(), lost, instance.Sessions.Counts())
			if lost > 0 || refreshes.Load() < 10000 || network.dropped.Load() < 1000 || late.Load() == 0 {
				t.Error("want none lost")
			}
		})
	}
}

// refresh tries once. It returns false if no response arrived, or a response that requests a
// retry.
func (p *phone) refresh(t *testing.T, client *http.Client, base string, asked *atomic.Bool) bool {
	res, err := client.Post(base+"/api/users/refresh", "application/json", strings.NewReader(fmt.Sprintf(`{"refreshToken":%q}`, p.token)))
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

// within reports whether each of the phones has budget for another late retry.
func within(phones []*phone, now time.Time) bool {
	for _, p := range phones {
		p.late = slices.DeleteFunc(p.late, func(at time.Time) bool { return now.Sub(at) >= repository.RecoveryWindow })
		if len(p.late) >= repository.MaxRecoveries {
			return false
		}
	}
	return true
}
