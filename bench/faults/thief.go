package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"latchkey/bench/faults/servers"
)

// theft is one stolen refresh token, and what became of it.
type theft struct {
	from time.Time

	mu     sync.Mutex
	until  time.Time // the end of the session, or of the watch
	why    string    // the error that reported the end; "" while both continue
	tokens int       // answers that the thief got
}

// rob copies the refresh token of a session, once. The thief then refreshes by itself, at
// a period of its own.
func (r *rig) rob(ctx context.Context, t *tally, from *session) *theft {
	th := &theft{from: time.Now()}
	t.stolen(th)
	from.note(th.from, "a thief copies the token")
	s := newSession(from.account, false, r.url())
	s.refresh, _ = from.token()
	each := time.Second + rand.N(6*time.Second)
	r.crowd().others.Go(func() { th.use(ctx, r, t, s, each) })
	return th
}

func (th *theft) use(ctx context.Context, r *rig, t *tally, s *session, each time.Duration) {
	for ctx.Err() == nil {
		servers.Pause(ctx, each)
		a := t.call(ctx, callTimeout, http.MethodPost, r.url()+"/api/users/refresh", s.header(), s.presented())
		for ctx.Err() == nil && a.later() {
			servers.Pause(ctx, a.wait())
			a = t.call(ctx, callTimeout, http.MethodPost, r.url()+"/api/users/refresh", s.header(), s.presented())
		}
		switch {
		case ctx.Err() != nil:
		case a.ok():
			s.keep(a)
			th.mu.Lock()
			th.tokens++
			th.mu.Unlock()
		default:
			th.over(a.problem.Error)
			return
		}
	}
	th.over("")
}

// over notes the end, once: the first client that sees it reports it, victim or thief.
func (th *theft) over(why string) {
	th.mu.Lock()
	defer th.mu.Unlock()
	if th.until.IsZero() {
		th.until, th.why = time.Now(), why
	}
}

// found reports whether the theft was detected.
func (th *theft) found() bool {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.why == "refresh_reused" || th.why == "session_revoked"
}

func (th *theft) lasted() time.Duration {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.until.Sub(th.from)
}
