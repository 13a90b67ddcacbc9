package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"latchkey/bench/faults/servers"
)

const loginTimeout = 10 * time.Second

// account is a user of the service. Only its owner uses it.
type account struct {
	name     string
	password string
	maybe    string // what a change of the password without an answer may have made it
}

// signUp creates an account.
func (r *rig) signUp(ctx context.Context, t *tally, name string) (*account, error) {
	a := &account{name: name, password: newPassword()}
	for ctx.Err() == nil {
		res := t.call(ctx, loginTimeout, http.MethodPost, r.url()+"/api/users", nil,
			map[string]string{"username": a.name, "email": a.name + "@example.org", "password": a.password})
		switch {
		case res.ok(), res.problem.Error == "username_taken": // by a call whose answer was lost
			return a, nil
		case !res.later():
			return nil, fmt.Errorf("sign up %s: %d %.200s", name, res.status, res.body)
		}
		servers.Pause(ctx, res.wait())
	}
	return nil, ctx.Err()
}

func newPassword() string { return "faults " + rand.Text() }

// login makes a session. It waits as long as the service asks it to, and returns nil if
// ctx ends, or if the service refuses the password.
func (r *rig) login(ctx context.Context, t *tally, a *account, cookie bool) *session {
	for ctx.Err() == nil {
		s := newSession(a, cookie, r.url())
		res := t.call(ctx, loginTimeout, http.MethodPost, r.url()+"/api/users/login", s.header(),
			map[string]string{"username": a.name, "password": a.password})
		switch {
		case res.ok():
			s.keep(res)
			t.add(nLogins)
			s.noteCall("login", identity{}, res)
			return s
		case res.problem.Error == "invalid_credentials" && a.maybe != "":
			a.password, a.maybe = a.maybe, a.password
			servers.Pause(ctx, 100*time.Millisecond)
			continue
		case !res.later():
			r.complain("login of %s: %d %.200s", a.name, res.status, res.body)
			servers.Pause(ctx, 5*time.Second)
		}
		servers.Pause(ctx, res.wait())
	}
	return nil
}
