package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"latchkey/bench/faults/servers"
)

const (
	// period is the time from one refresh of a client to the next.
	period = 2 * time.Second
	// recoveriesAllowed is the budget of the protocol for one session and day.
	recoveriesAllowed = 3
	callTimeout       = 10 * time.Second
)

// honest is a client that follows docs/clients.md: one refresh at a time, the new token
// is kept before it is used, and after 429, 503 or no answer the same token is sent again.
type honest struct {
	r       *rig
	t       *tally
	account *account
	grace   time.Duration
	timeout time.Duration

	cookie bool // as a browser
	lossy  bool // loses answers now and then
	leaves bool // logs out now and then
	ends   bool // ends other sessions of its account now and then
	victim bool // a thief copies its token

	session *session
	theft   *theft
	act     time.Time // of the next logout, end or theft
	me      time.Time // of the next GET /me

	mu        sync.Mutex
	successes []time.Time // of refreshes since watch, and the last one before it
	latest    identity
}

// run refreshes until ctx ends.
func (h *honest) run(ctx context.Context) {
	servers.Pause(ctx, rand.N(period))
	for ctx.Err() == nil {
		if h.session == nil {
			if h.session = h.r.login(ctx, h.t, h.account, h.cookie); h.session == nil {
				return
			}
			h.plan()
		}
		h.refresh(ctx)
		h.sometimes(ctx)
		servers.Pause(ctx, period+rand.N(period/10))
	}
}

func (h *honest) plan() {
	h.act = time.Now().Add(h.r.times.act/2 + rand.N(h.r.times.act))
	h.me = time.Now().Add(rand.N(10 * time.Second))
}

// refresh sends the refresh token until it is answered, in whichever way.
func (h *honest) refresh(ctx context.Context) {
	s := h.session
	for ctx.Err() == nil {
		_, sent := s.token()
		if retry, lose := h.loses(s); lose {
			h.refreshUnanswered(ctx, s, sent)
			servers.Pause(ctx, retry)
			continue
		}
		a := h.t.call(ctx, h.timeout, http.MethodPost, h.r.url()+"/api/users/refresh", s.header(), s.presented())
		if a.status == 0 && ctx.Err() != nil {
			return
		}
		if a.ok() {
			outcome := s.keep(a)
			s.noteCall("refresh", sent, a)
			h.t.add(nRefreshes)
			h.t.add("  " + outcome)
			h.succeeded(s)
			return
		}
		s.noteCall("refresh", sent, a)
		if !a.later() {
			h.over(s, a)
			return
		}
		servers.Pause(ctx, a.wait())
	}
}

// loses decides whether the next answer gets lost, and when the client tries again. An
// answer that is retried later than the grace costs one of the recoveries of the session,
// so there is at most one of them on purpose.
func (h *honest) loses(s *session) (retry time.Duration, lose bool) {
	if !h.lossy || rand.N(20) > 0 {
		return 0, false
	}
	retry = rand.N(3 * time.Second)
	if retry > h.grace-h.grace/2 {
		if s.lateOnPurpose > 0 || s.recoveries > 0 {
			retry = rand.N(h.grace / 2)
		} else {
			s.lateOnPurpose++
		}
	}
	return retry, true
}

// refreshUnanswered sends the token and drops the answer, or the connection while the
// service is at work.
func (h *honest) refreshUnanswered(ctx context.Context, s *session, sent identity) {
	until, cancel := context.WithTimeout(ctx, h.timeout)
	if rand.N(2) == 0 {
		until, cancel = context.WithTimeout(ctx, rand.N(20*time.Millisecond))
	}
	defer cancel()
	a := h.t.call(until, h.timeout, http.MethodPost, h.r.url()+"/api/users/refresh", s.header(), s.presented())
	h.t.add(nLost)
	s.note(a.at, "refresh sent %v: answer lost on purpose (status %d, %s, %v)", sent, a.status, a.header.Get(servers.ReplicaHeader), a.took.Round(time.Millisecond))
}

// over is called when the service says that the session is over.
func (h *honest) over(s *session, a answer) {
	h.session = nil
	if th := h.theft; th != nil {
		th.over(a.problem.Error)
		h.theft = nil
		if th.found() {
			h.r.graves.bury(s, "after its thief was found")
		}
		return
	}
	h.r.forced(h.t, s, a)
}

// succeeded notes the time of a refresh.
func (h *honest) succeeded(s *session) {
	_, id := s.token()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.successes, h.latest = append(h.successes, time.Now()), id
}

// watch forgets all successes but the last one.
func (h *honest) watch() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.successes); n > 1 {
		h.successes = h.successes[n-1:]
	}
}

// since returns the first success since a time, if there is one, and the longest time
// between two successes since watch.
func (h *honest) since(from time.Time) (first time.Time, gap time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, at := range h.successes {
		if i > 0 {
			gap = max(gap, at.Sub(h.successes[i-1]))
		}
		if first.IsZero() && !at.Before(from) {
			first = at
		}
	}
	return first, gap
}

// sometimes does what clients do between refreshes.
func (h *honest) sometimes(ctx context.Context) {
	s, now := h.session, time.Now()
	switch {
	case s == nil || ctx.Err() != nil:
	case h.victim:
		if h.theft == nil && now.After(h.act) {
			h.theft = h.r.rob(ctx, h.t, s)
		}
	case s.recoveries >= recoveriesAllowed-1:
		// One more lost answer would be the last that the protocol forgives in a day.
		if h.logout(ctx) {
			h.t.add(nRenewed)
		}
	case h.leaves && now.After(h.act):
		h.logout(ctx)
	case h.ends && now.After(h.act):
		h.endOthers(ctx)
		h.plan()
	case now.After(h.me):
		h.getMe(ctx)
		h.me = time.Now().Add(10 * time.Second)
	}
}

// getMe asks for the user. The access token is new, so the service has no reason to
// refuse it, unless the session is over: the refresh tells.
func (h *honest) getMe(ctx context.Context) {
	for tries := 0; ctx.Err() == nil && h.session != nil; {
		s := h.session
		_, sent := s.token()
		a := h.t.call(ctx, h.timeout, http.MethodGet, h.r.url()+"/api/users/me", s.signed(), nil)
		switch {
		case a.status == 0 && ctx.Err() != nil, a.ok():
			return
		case a.later():
			s.noteCall("GET /me", sent, a)
			servers.Pause(ctx, a.wait())
		case tries > 0:
			s.noteCall("GET /me", sent, a)
			h.r.violated(h.t, nMeRefused, s, a.problem.Error)
			return
		default:
			s.noteCall("GET /me", sent, a)
			tries++
			h.refresh(ctx)
		}
	}
}

// identity returns what the refresh token that the client has now says of itself.
func (h *honest) identity() identity {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest
}
