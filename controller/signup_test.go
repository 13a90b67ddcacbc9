package controller_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/testserver"
)

// TestSignup_OneOfFiftyParallelCallsGetsTheName lets 50 clients request one username, or one
// email address, concurrently, each in a different spelling.
func TestSignup_OneOfFiftyParallelCallsGetsTheName(t *testing.T) {
	const people = 50
	wishes := map[string]func(i int) string{
		"username": func(i int) string {
			return fmt.Sprintf(`{"username":"%s","email":"ada%d@example.org","password":"correct horse"}`, spelling("wanted", i), i)
		},
		"email": func(i int) string {
			return fmt.Sprintf(`{"username":"ada%d","email":"%s@example.org","password":"correct horse"}`, i, spelling("wanted", i))
		},
	}
	for _, set := range testserver.Sets() {
		for name, wish := range wishes {
			t.Run(set.Name+"/"+name, func(t *testing.T) {
				instance, err := start(t, set.Open(t), newClock())
				must(t, err)
				client := instance.client(false)
				var mu sync.Mutex
				answers := map[int]int{}
				var all sync.WaitGroup
				for i := range people {
					all.Go(func() {
						res, err := client.Post(instance.public.String()+"/api/users", "application/json", strings.NewReader(wish(i)))
						if err != nil {
							t.Error(err)
							return
						}
						_ = res.Body.Close()
						mu.Lock()
						defer mu.Unlock()
						answers[res.StatusCode]++
					})
				}
				all.Wait()
				if answers[http.StatusCreated] != 1 || answers[http.StatusConflict] != people-1 {
					t.Errorf("answers: %v", answers)
				}
			})
		}
	}
}

// spelling returns a word whose letters have upper or lower case according to the bits of i.
func spelling(word string, i int) string {
	b := []byte(word)
	for j := range b {
		if i>>j&1 == 1 {
			b[j] -= 'a' - 'A'
		}
	}
	return string(b)
}
