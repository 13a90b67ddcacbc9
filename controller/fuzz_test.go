package controller_test

import (
	"testing"

	"latchkey/internal/testserver"
)

// FuzzBodies looks for a body that causes an internal error.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `null`, `[]`, `"x"`, `{"username":"ada","password":"x"}`, `{"username":null,"password":{}}`, `{"password":"\u0000"}`,
		`{"username":"\ud800","password":"x"}`, "{\"username\":\"\xff\"}", `{"username":"a","username":"b","password":"x"}`, `{"username":1e999}`,
		`{"refreshToken":"a.b.c"}`, `{"id":"x","refreshToken":"..."}`, `{"privilege":9223372036854775808}`, `{"privilege":1.5}`, `{} {}`,
	} {
		f.Add(s)
	}
	instance, err := start(f, testserver.SQLiteStore(f), newClock())
	if err != nil {
		f.Fatal(err)
	}
	client := instance.client(false)
	f.Fuzz(func(t *testing.T, body string) {
		app := &user{t: t, base: instance.public.String(), client: client}
		for _, path := range []string{"/api/users", "/api/users/login", "/api/users/refresh", "/api/users/logout"} {
			if got := app.send("POST", path, body); got.status >= 500 {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
	})
}
