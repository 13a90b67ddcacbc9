package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"latchkey/bench/faults/servers"
)

// logout ends the session of the client, and reports whether the service has said so.
func (h *honest) logout(ctx context.Context) bool {
	s := h.session
	if !h.insist(ctx, s, "logout", http.MethodPost, "logout", s.header, s.presented) {
		return false
	}
	h.r.graves.bury(s, "after a logout")
	h.t.add(nEnded)
	h.session = nil
	return true
}

// insist sends a request until it is done. The service may have done it for a call that
// got no answer, so all of these requests can be repeated. It reports false if the
// service refuses, or if ctx ends.
func (h *honest) insist(ctx context.Context, s *session, what, method, path string, header func() http.Header, body func() any) bool {
	for ctx.Err() == nil {
		_, sent := s.token()
		a := h.t.call(ctx, callTimeout, method, s.base.JoinPath(path).String(), header(), body())
		s.noteCall(what, sent, a)
		switch {
		case a.ok():
			return true
		case !a.later():
			return false
		}
		servers.Pause(ctx, a.wait())
	}
	return false
}

func noBody() any { return nil } // for requests without a body

// endOthers logs in once more, as another device, and ends that session from this one: by
// a change of the password, by ending all others, or by ending just that one.
func (h *honest) endOthers(ctx context.Context) {
	s := h.session
	guest := h.r.login(ctx, h.t, h.account, rand.N(2) == 0)
	if guest == nil {
		return
	}
	if a := h.t.call(ctx, callTimeout, http.MethodPost, h.r.url()+"/api/users/refresh", guest.header(), guest.presented()); a.ok() {
		guest.keep(a)
		guest.noteCall("refresh", identity{}, a)
	}
	var done bool
	var why string
	switch rand.N(3) {
	case 0:
		why = "after another session changed the password"
		done = h.changePassword(ctx, s)
	case 1:
		why = "after another session ended all others"
		done = h.insist(ctx, s, "end all others", http.MethodDelete, "me/sessions", s.signed, noBody)
	case 2:
		why = "after another session ended it"
		done = h.insist(ctx, s, "end one other", http.MethodDelete, "me/sessions/"+guest.sid, s.signed, noBody)
	}
	if done {
		guest.note(time.Now(), "ended %s", why)
		h.t.add(nEnded)
		h.r.graves.bury(guest, why)
	}
}

// changePassword reports whether the service has acknowledged a new password. If it has
// not, either password may be the one.
func (h *honest) changePassword(ctx context.Context, s *session) bool {
	a := h.account
	next := newPassword()
	a.maybe = next
	if !h.insist(ctx, s, "change the password", http.MethodPost, "me/password", s.signed, func() any {
		return map[string]string{"currentPassword": a.password, "newPassword": next}
	}) {
		return false
	}
	a.password, a.maybe = next, ""
	return true
}
