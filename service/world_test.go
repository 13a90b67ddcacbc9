package service_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service"
)

const (
	grace    = 10 * time.Second
	recovery = 24 * time.Hour
)

var standard = service.RefreshPolicy{
	Rotate: true, Sliding: true, IdleTTL: 14 * 24 * time.Hour, AbsoluteTTL: 30 * 24 * time.Hour,
	Grace: grace, Recovery: recovery, MaxSessions: 50, HeaderKeeps: true,
}

// world is the session service on a real store, with a clock that a test moves.
type world struct {
	store     repository.Store
	sessions  *service.Sessions
	tokens    *service.Tokens
	login     *service.Login
	throttle  *service.Throttle
	accounts  *service.Accounts
	audit     *service.AuditLog
	trusted   *service.Clock
	retention *service.Retention

	mu  sync.Mutex
	now time.Time
}

func newWorld(t testing.TB, store repository.Store, policy service.RefreshPolicy) *world {
	t.Helper()
	return newWorldBy(t, store, policy, nil)
}

// newWorldBy is a world on a clock; nil: one that a test moves.
func newWorldBy(t testing.TB, store repository.Store, policy service.RefreshPolicy, trusted *service.Clock) *world {
	t.Helper()
	w := &world{store: store, now: noon}
	log := discard()
	audit := service.NewAuditLog(store.Audits, log)
	if trusted == nil {
		trusted = clockAt(w.clock)
	}
	keys, err := service.NewRootSecret([]byte(secret))
	must(t, err)
	w.audit, w.trusted, w.retention = audit, trusted, service.NewRetention(store, trusted, audit, log)
	hasher := service.NewHasher(4, 4, time.Minute)
	t.Cleanup(hasher.Close)
	access, _ := forgeableKey(t)
	w.tokens = service.NewTokens(keys, newRing(t, store, access, trusted), "https://auth.example", "api", 10*time.Minute, trusted)
	w.sessions = service.NewSessions(store, keys, w.tokens, policy, trusted, audit, log)
	w.throttle = service.NewThrottle(store.Limits, keys, service.LoginLimits{}, trusted.Now)
	w.login = service.NewLogin(store, hasher, w.throttle, w.sessions, false, trusted, audit, log)
	w.accounts = service.NewAccounts(store.Users, hasher, service.PasswordPolicy{MinLength: 8}, true, trusted.Now, audit)
	return w
}

// clockAt is a clock that there is nothing to compare with.
func clockAt(now func() time.Time) *service.Clock {
	return service.NewClock(nil, nil, grace, now, discard())
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// user creates an account and returns its id.
func (w *world) user(t fataler, name string) string {
	a, err := w.accounts.CreateAsOperator(context.Background(), service.NewAccount{
		Username: name, Email: name + "@example.org", Password: service.NewPassword("correct horse"),
	})
	must(t, err)
	return a.ID
}

// begin logs a user in and returns the refresh token.
func (w *world) begin(t fataler, name string) service.RawToken { return w.grant(t, name).Refresh }

// grant logs a user in.
func (w *world) grant(t fataler, name string) service.Grant {
	g, err := w.login.Login(context.Background(), service.Credentials{
		Username: name, Password: service.NewPassword("correct horse"), Delivery: service.DeliveryBody,
		Terms: service.Terms{ClientID: service.ClientAPI},
	})
	must(t, err)
	return g.Grant
}

// refresh presents a token.
func (w *world) refresh(token service.RawToken) (service.Grant, error) {
	return w.sessions.Refresh(context.Background(), service.Presentation{
		Token: token, Delivery: service.DeliveryBody, Terms: service.Terms{ClientID: service.ClientAPI},
	})
}

// endOthers ends the other sessions of a user, as one of them that was issued an
// access token before the claim epoch existed.
func (w *world) endOthers(c claims) error {
	live, err := w.sessions.State(context.Background(), service.Subject{
		UserID: c.Sub, SessionID: c.SID, ClientID: service.ClientAPI, Epoch: -1,
	})
	if err != nil {
		return err
	}
	return w.sessions.EndOthers(context.Background(), live, service.Origin{})
}

// claims are what a refresh token says.
type claims struct {
	Sub      string `json:"sub"`
	SID      string `json:"sid"`
	Gen      int64  `json:"gen"`
	JTI      string `json:"jti"`
	Exp      int64  `json:"exp"`
	ClientID string `json:"client_id"`
	AuthTime int64  `json:"auth_time"`
}

func read(t fataler, token service.RawToken) claims {
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(string(token), ".")[1])
	must(t, err)
	var c claims
	must(t, json.Unmarshal(b, &c))
	return c
}

// reuses counts the audit records of a session's end by reuse.
func (w *world) reuses(t fataler, c claims) int {
	list, err := w.store.Audits.ListAudit(context.Background(), repository.AuditQuery{UserID: c.Sub, Limit: 10000})
	must(t, err)
	n := 0
	for _, a := range list {
		if a.SessionID == c.SID && a.Event == repository.AuditRefreshReused {
			n++
		}
	}
	return n
}

func code(err error) service.Code {
	var e *service.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onBoth runs a test on each set of stores.
func onBoth(t *testing.T, f func(t *testing.T, store repository.Store)) {
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) { f(t, set.Open(t)) })
	}
}
