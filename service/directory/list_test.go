package directory_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/directory"
	"latchkey/service/session"
)

// TestList_EachUserIsOnOnePage reads all pages of searches in which the username, the address, or both
// match.
func TestList_EachUserIsOnOnePage(t *testing.T) {
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			w := apptest.NewWorld(t, set.Open(t), session.Policy{})
			all := map[string]string{}
			for i := range 24 {
				name := fmt.Sprintf("ada%02d", i)
				all[name] = w.User(t, name) // the address begins alike
				if i%3 == 0 {
					other := fmt.Sprintf("zoe%02d", i)
					_, err := w.Directory.Change(t.Context(), all[name], directory.Change{Username: &other}, account.Caller{}, audit.Origin{})
					apptest.Must(t, err)
				}
			}
			for _, text := range []string{"", "A", "ada", "ADA2", "zoe", "ada07@Example"} {
				for _, limit := range []int{1, 2, 7, 100} {
					q := directory.Query{Text: text, Limit: limit}
					seen := map[string]int{}
					for range 60 {
						page, err := w.Directory.List(t.Context(), q)
						apptest.Must(t, err)
						if len(page.Users) > limit || len(page.Users) == 0 && page.Cursor != "" {
							t.Errorf("%q: a page of %d has %d users", text, limit, len(page.Users))
						}
						for _, u := range page.Users {
							seen[u.ID]++
							if key := strings.ToLower(text); !strings.HasPrefix(u.Username, key) && !strings.HasPrefix(u.Email, key) {
								t.Errorf("%q finds %s, %s", text, u.Username, u.Email)
							}
						}
						if q.Cursor = page.Cursor; q.Cursor == "" {
							break
						}
					}
					want := map[string]int{"": 24, "A": 24, "ada": 24, "ADA2": 4, "zoe": 8, "ada07@Example": 1}[text]
					if len(seen) != want || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
						t.Errorf("%q, %d on a page: %d users, want %d, each once: %v", text, limit, len(seen), want, seen)
					}
				}
			}
		})
	}
}

// TestList_RefusesForeignCursors requires a 400 for everything that is no cursor of the query, and for no
// cursor an error of the store.
func TestList_RefusesForeignCursors(t *testing.T) {
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			w := apptest.NewWorld(t, set.Open(t), session.Policy{})
			w.User(t, "ada")
			for _, c := range []struct{ text, cursor string }{
				{"", "x"},
				{"", "e30"},                                 // {}
				{"", "eyJrIjoiYWRhIn0"},                     // {"k":"ada"}
				{"", "eyJpIjoieCIsInQiOjF9"},                // {"i":"x","t":1}
				{"ada", "e30"},                              // no key
				{"ada", "eyJrIjoiZXZlIn0"},                  // {"k":"eve"}
				{"ada", "eyJrIjoiYWRhXHUwMDAwIn0"},          // {"k":"ada\u0000"}
				{"", "eyJ0Ijo5MjIzMzcyMDM2ODU0Nzc1ODA3fQ"},  // {"t":9223372036854775807}
				{"", "eyJ0IjotOTIyMzM3MjAzNjg1NDc3NTgwOH0"}, // {"t":-9223372036854775808}
				{"", strings.Repeat("A", 5000)},
			} {
				_, err := w.Directory.List(t.Context(), directory.Query{Text: c.text, Cursor: c.cursor})
				if e := service.AsError(err); err == nil || e.Code != service.CodeInvalidRequest || e.Fields["cursor"] == "" {
					t.Errorf("%q, %q: %v", c.text, c.cursor, err)
				}
			}
		})
	}
}
