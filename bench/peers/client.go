package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"latchkey/bench/load"
	"latchkey/bench/rig"
)

// client is a session of a server. It presents the token that it received last.
type client struct {
	*server
	user  int
	token string
	lost  *atomic.Int64 // sessions
}

// Request implements load.Client.
func (c *client) Request(b []byte) []byte { return c.request(b, c.token) }

// Answered implements load.Client.
func (c *client) Answered(status int, body []byte) error {
	if status == c.ok {
		return c.keep(body)
	}
	err := rig.Unexpected(status, body)
	if status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		c.lost.Add(1)
		token, again := c.login(c.user)
		if again != nil {
			return fmt.Errorf("%w; then the login: %w", err, again)
		}
		c.token = token
	}
	return err
}

// keep stores the refresh token of a response, if the server replaces it.
func (c *client) keep(body []byte) error {
	if c.next == nil {
		return nil
	}
	token := c.next(body)
	if token == "" {
		return fmt.Errorf("no refresh token in the answer %.200s", body)
	}
	c.token = token
	return nil
}

// logIn makes the users of a server and their sessions.
func (s *server) logIn(sessions int, lost *atomic.Int64) ([]*client, error) {
	if s.signUp != nil {
		if err := inParallel(s.users, s.signUp); err != nil {
			return nil, err
		}
	}
	list := make([]*client, sessions)
	return list, inParallel(sessions, func(n int) error {
		user := n % s.users
		token, err := s.login(user)
		list[n] = &client{server: s, user: user, token: token, lost: lost}
		return err
	})
}

// inParallel calls a function with 0 to n-1, a few calls at a time.
func inParallel(n int, do func(int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, 8)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			errs[i] = do(i)
			<-slots
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// once refreshes a token, and reports the status and the next token.
func (s *server) once(token string) (status int, next string, err error) {
	c := &probe{client: &client{server: s, token: token}}
	err = load.Once(s.Address, c)
	return c.status, c.token, err
}

// probe is a client that keeps the status.
type probe struct {
	*client
	status int
}

// Answered implements load.Client.
func (p *probe) Answered(status int, body []byte) error {
	p.status = status
	if status != p.ok {
		return nil
	}
	return p.keep(body)
}

// replaces reports whether a token is refused after its successor has been used.
func (s *server) replaces(token string) (bool, error) {
	_, second, err := s.once(token)
	if err != nil {
		return false, err
	}
	if _, _, err = s.once(second); err != nil {
		return false, err
	}
	status, _, err := s.once(token)
	return status != s.ok, err
}
