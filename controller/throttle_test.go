package controller_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/testserver"
)

// guesser tries passwords, and may disconnect before the response.
type guesser struct {
	t      *testing.T
	url    string
	client *http.Client
}

func (g *guesser) try(name, password string, patience time.Duration) int {
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	body := strings.NewReader(fmt.Sprintf(`{"username":%q,"password":%q}`, name, password))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/api/users/login", body)
	must(g.t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := g.client.Do(req)
	if err != nil {
		return 0 // disconnected
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestThrottle_CannotBeBypassed tries ways in which a guesser might avoid that a failure is
// counted.
func TestThrottle_CannotBeBypassed(t *testing.T) {
	ways := map[string]func(g *guesser, guess string) (status int){
		"repeat and go away": func(g *guesser, guess string) int {
			status := g.try("ada", guess, time.Minute)
			for range 3 {
				g.try("ada", guess, 100*time.Microsecond)
			}
			return status
		},
		"go away and repeat": func(g *guesser, guess string) int {
			for range 3 {
				g.try("ada", guess, time.Millisecond)
			}
			return g.try("ada", guess, time.Minute)
		},
		"the same at once": func(g *guesser, guess string) int {
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() { g.try("ada", guess, time.Minute) })
			}
			all.Wait()
			return g.try("ada", guess, time.Minute)
		},
		"log in oneself": func(g *guesser, guess string) int {
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() { g.try("eve", "correct horse", time.Minute) })
			}
			all.Wait()
			return g.try("somebody "+guess, guess, time.Minute)
		},
	}
	const free, guesses = 5, 25
	for _, set := range testserver.Sets() {
		for name, way := range ways {
			t.Run(set.Name+"/"+name, func(t *testing.T) {
				instance, err := start(t, set.Open(t), &testClock{real: true},
					fmt.Sprint("limits.login_account_address=", free), fmt.Sprint("limits.login_account=", free), fmt.Sprint("limits.login_address=", free))
				must(t, err)
				instance.addAda(t)
				instance.add(t, "eve")
				g := &guesser{t: t, url: instance.public.String(), client: instance.client(false)}
				looked := 0
				for i := range guesses {
					if way(g, fmt.Sprint("wrong horse ", i)) == http.StatusUnauthorized {
						looked++
					}
				}
				// Delays of 1, 2 and 4 s have not all expired by then; one or two may have.
				if looked > free+2 {
					t.Errorf("%d of %d guesses were looked at, %d are free", looked, guesses, free)
				}
			})
		}
	}
}
