package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"latchkey/bench/faults/servers"
)

// clockForm is the layout of a time of day in histories. Times are in UTC, as in the logs.
const clockForm = "15:04:05.000"

// identity is what a refresh token says of itself. Tokens are never printed, only this.
type identity struct {
	SID string `json:"sid"`
	Gen int    `json:"gen"`
	JTI string `json:"jti"`
}

func identityOf(token string) (id identity) {
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		text, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(text, &id)
	}
	return id
}

func (i identity) String() string { return fmt.Sprintf("gen %d jti %.8s", i.Gen, i.JTI) }

// session is a login of an account, as its client knows it.
type session struct {
	account *account
	cookie  bool // a browser: the tokens are cookies
	base    *url.URL
	jar     http.CookieJar
	born    time.Time
	sid     string

	mu              sync.Mutex
	access, refresh string
	recoveries      int // that responses reported to the client
	lateOnPurpose   int // answers lost on purpose and retried later than the grace
	events          []string
}

func newSession(a *account, cookie bool, base string) *session {
	u, _ := url.Parse(base + "/api/users/") // an address of our own
	jar, _ := cookiejar.New(nil)
	return &session{account: a, cookie: cookie, base: u, jar: jar, born: time.Now()}
}

// header returns what the client sends along with each request.
func (s *session) header() http.Header {
	h := http.Header{}
	if !s.cookie {
		h.Set("X-Token-Delivery", "body")
		return h
	}
	h.Set("Sec-Fetch-Mode", "cors")
	h.Set("Sec-Fetch-Site", "same-origin")
	var list []string
	for _, c := range s.jar.Cookies(s.base) {
		list = append(list, c.Name+"="+c.Value)
	}
	if len(list) > 0 {
		h.Set("Cookie", strings.Join(list, "; "))
	}
	return h
}

// signed returns the header with the access token. A browser sends it as a cookie.
func (s *session) signed() http.Header {
	h := s.header()
	if !s.cookie {
		s.mu.Lock()
		defer s.mu.Unlock()
		h.Set("Authorization", "Bearer "+s.access)
	}
	return h
}

// presented returns the body of a refresh or a logout.
func (s *session) presented() any {
	if s.cookie {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]string{"refreshToken": s.refresh}
}

// keep stores the tokens of an answer, before any of them is used. It returns the outcome.
func (s *session) keep(a answer) (outcome string) {
	var body struct{ AccessToken, RefreshToken, Outcome string }
	_ = json.Unmarshal(a.body, &body)
	s.jar.SetCookies(s.base, a.cookies)
	s.mu.Lock()
	defer s.mu.Unlock()
	if body.AccessToken != "" {
		s.access = strings.TrimPrefix(body.AccessToken, "Bearer ")
	}
	if s.cookie {
		for _, c := range s.jar.Cookies(s.base) {
			if strings.HasSuffix(c.Name, "refreshToken") {
				body.RefreshToken = c.Value
			}
		}
	}
	if body.RefreshToken != "" {
		s.refresh = body.RefreshToken
	}
	s.sid = identityOf(s.refresh).SID
	if body.Outcome == "recovered" {
		s.recoveries++
	}
	return body.Outcome
}

// token returns the refresh token that the client has now, and what it says of itself.
func (s *session) token() (string, identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refresh, identityOf(s.refresh)
}

func (s *session) accessToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access
}

// note adds a line to the history.
func (s *session) note(at time.Time, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, at.UTC().Format(clockForm)+" "+fmt.Sprintf(format, args...))
}

// noteCall adds a request and its answer to the history.
func (s *session) noteCall(what string, sent identity, a answer) {
	took := a.took.Round(time.Millisecond)
	replica := "?"
	if r := a.header.Get(servers.ReplicaHeader); r != "" {
		replica = r
	}
	switch {
	case a.status == 0:
		s.note(a.at, "%s sent %v: no answer after %v: %v", what, sent, took, a.err)
	case a.ok():
		_, now := s.token()
		var body struct{ Outcome string }
		_ = json.Unmarshal(a.body, &body)
		s.note(a.at, "%s sent %v: %d %s, now %v (%s, %v)", what, sent, a.status, body.Outcome, now, replica, took)
	default:
		s.note(a.at, "%s sent %v: %d %s retry=%s (%s, %v)", what, sent, a.status, a.problem.Error, a.problem.Retry, replica, took)
	}
}

func (s *session) history() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.events...)
}
