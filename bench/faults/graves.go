package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"latchkey/bench/faults/servers"
)

// maxGraves bounds the sessions that are asked for again.
const maxGraves = 200

// graves are sessions whose end the service has acknowledged. None of their tokens may be
// accepted any more, at whichever replica, during and after every fault.
type graves struct {
	r    *rig
	mu   sync.Mutex
	list []*grave
	next int
}

type grave struct {
	session *session
	why     string
	acked   time.Time

	mu                  sync.Mutex
	refreshed, accessed bool // a token was accepted; told once
}

// bury begins the checks of a session. The first ones go to each replica at once.
func (g *graves) bury(s *session, why string) {
	one := &grave{session: s, why: why, acked: time.Now()}
	g.mu.Lock()
	g.list = append(g.list, one)
	if len(g.list) > maxGraves {
		g.list = g.list[1:]
	}
	g.mu.Unlock()
	crowd := g.r.crowd()
	for _, replica := range g.r.replicas {
		crowd.others.Go(func() { g.check(crowd.ctx, crowd.t, one, replica.url()) })
	}
}

// watch asks for one grave after the other, by HAProxy, until ctx ends.
func (g *graves) watch(ctx context.Context, t *tally) {
	for ctx.Err() == nil {
		servers.Pause(ctx, 400*time.Millisecond)
		g.mu.Lock()
		var one *grave
		if len(g.list) > 0 {
			g.next = (g.next + 1) % len(g.list)
			one = g.list[g.next]
		}
		g.mu.Unlock()
		if one != nil {
			g.check(ctx, t, one, g.r.url())
		}
	}
}

// check presents both tokens. An answer 5xx, or none, accepts nothing.
func (g *graves) check(ctx context.Context, t *tally, one *grave, url string) {
	const timeout = 3 * time.Second
	s := one.session
	_, sent := s.token()
	a := t.call(ctx, timeout, http.MethodPost, url+"/api/users/refresh", s.header(), s.presented())
	if a.ok() && one.first(&one.refreshed) {
		s.noteCall("refresh after the end", sent, a)
		g.r.violated(t, nRefreshBack, s, one.why)
	}
	h := http.Header{}
	h.Set("Authorization", "Bearer "+s.accessToken())
	a = t.call(ctx, timeout, http.MethodGet, url+"/api/users/me", h, nil)
	if a.ok() && one.first(&one.accessed) {
		s.note(a.at, "GET /me after the end, %v later: %d (%s)", a.at.Sub(one.acked).Round(time.Millisecond), a.status, a.header.Get(servers.ReplicaHeader))
		g.r.violated(t, nAccessBack, s, one.why)
	}
}

func (one *grave) first(seen *bool) bool {
	one.mu.Lock()
	defer one.mu.Unlock()
	was := *seen
	*seen = true
	return !was
}
