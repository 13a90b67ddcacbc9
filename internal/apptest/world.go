package apptest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/config"
	"latchkey/internal/app"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/directory"
	"latchkey/service/login"
	"latchkey/service/mail"
	"latchkey/service/password"
	"latchkey/service/retention"
	"latchkey/service/session"
	"latchkey/service/token"
)

// The grace and the recovery window of Standard.
const (
	Grace    = 10 * time.Second
	Recovery = 24 * time.Hour
)

// Standard is the default policy of sessions.
var Standard = session.Policy{
	Rotate: true, Sliding: true, IdleTTL: 14 * 24 * time.Hour, AbsoluteTTL: 30 * 24 * time.Hour,
	Grace: Grace, Recovery: Recovery, MaxSessions: 50, HeaderKeeps: true,
}

// World is the session service on a real store, with a clock that a test moves.
type World struct {
	Store     repository.Store
	Sessions  *session.Service
	Tokens    *token.Minter
	Login     *login.Service
	Throttle  *login.Throttle
	Accounts  *account.Service
	Directory *directory.Service
	Mail      *mail.Composer
	Audit     *audit.Log
	Trusted   *clock.Clock
	Retention *retention.Service

	mu  sync.Mutex
	now time.Time
}

// NewWorld returns a World on a store, whose clock starts at Noon.
func NewWorld(t testing.TB, store repository.Store, policy session.Policy) *World {
	t.Helper()
	return NewWorldBy(t, store, policy, nil)
}

// NewWorldBy returns a World on a given clock. If the clock is nil, the test moves the clock.
func NewWorldBy(t testing.TB, store repository.Store, policy session.Policy, trusted *clock.Clock) *World {
	t.Helper()
	w := &World{Store: store, now: Noon}
	if trusted == nil {
		trusted = ClockAt(w.Now)
	}
	parts, err := app.Open(t.Context(), settings(t, policy), app.Env{Now: w.Now, Log: Discard(), HashSlots: 4, HashWait: time.Minute, Stores: &app.Stores{Store: store}}, false)
	Must(t, err)
	parts.Clock = trusted
	services, err := parts.NewServices()
	Must(t, err)
	t.Cleanup(services.Hasher.Close)
	Must(t, services.Keys.Start(t.Context()))
	w.Audit, w.Trusted, w.Retention = parts.Audit, trusted, parts.NewRetention()
	w.Sessions, w.Tokens, w.Login, w.Throttle, w.Accounts, w.Directory, w.Mail = services.Sessions, services.Tokens, services.Login, services.Throttle, services.Accounts, services.Directory, services.Mail
	return w
}

// settings returns the settings of a World: no limits, fast hashes, and the forgeable key for access
// tokens.
func settings(t testing.TB, policy session.Policy) config.Config {
	t.Helper()
	key, _ := ForgeableKey(t)
	private, err := key.PrivateJWK()
	Must(t, err)
	file := filepath.Join(t.TempDir(), "keys.json")
	Must(t, os.WriteFile(file, fmt.Appendf(nil, `{"keys":[%s]}`, private), 0o600))
	cfg := config.Default()
	cfg.Server.PublicURL = &url.URL{Scheme: "https", Host: "auth.example"}
	cfg.Tokens = config.Tokens{
		Secret: config.NewSecret(Secret), KeysFile: file, Algorithm: "auto",
		Issuer: "https://auth.example", Audience: "api", AccessTTL: 10 * time.Minute,
	}
	cfg.Refresh = config.Refresh{
		Rotate: policy.Rotate, Sliding: policy.Sliding, IdleTTL: policy.IdleTTL, AbsoluteTTL: policy.AbsoluteTTL, Grace: policy.Grace,
		Recovery: policy.Recovery, MaxSessions: policy.MaxSessions, HeaderRTVerify: policy.HeaderKeeps,
	}
	cfg.Password.BcryptCost, cfg.Limits = 4, config.Limits{}
	cfg.Mail.From, cfg.Data.Dir = "no-reply@auth.example", t.TempDir()
	return cfg
}

// ClockAt is a clock that there is nothing to compare with.
func ClockAt(now func() time.Time) *clock.Clock {
	return clock.New(nil, nil, Grace, now, Discard())
}

// Now returns the time of the World.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Pass moves the clock of the World.
func (w *World) Pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// User creates an account and returns its id.
func (w *World) User(t Fataler, name string) string {
	a, err := w.Accounts.CreateAsOperator(context.Background(), account.Registration{
		Username: name, Email: name + "@example.org", Password: password.New("correct horse"),
	})
	Must(t, err)
	return a.ID
}

// Disable disables or enables a user.
func Disable(t Fataler, users *directory.Service, id string, disabled bool) {
	_, err := users.Change(context.Background(), id, directory.Change{Disabled: &disabled}, account.Caller{}, audit.Origin{})
	Must(t, err)
}

// Begin logs a user in and returns the refresh token.
func (w *World) Begin(t Fataler, name string) token.Raw { return w.LogIn(t, name).Refresh }

// LogIn logs a user in.
func (w *World) LogIn(t Fataler, name string) session.TokenSet {
	g, err := w.Login.Login(context.Background(), login.Credentials{
		Username: name, Password: password.New("correct horse"), Delivery: session.DeliveryBody,
		Client: session.ClientPolicy{ClientID: token.ClientAPI},
	})
	Must(t, err)
	return g.TokenSet
}

// Refresh sends a refresh request with a token.
func (w *World) Refresh(raw token.Raw) (session.TokenSet, error) {
	return w.Sessions.Refresh(context.Background(), session.RefreshRequest{
		Token: raw, Delivery: session.DeliveryBody, Client: session.ClientPolicy{ClientID: token.ClientAPI},
	})
}

// RevokeOthers ends the other sessions of a user. The caller is a session whose access token is
// from before the claim epoch existed.
func (w *World) RevokeOthers(c Claims) error {
	live, err := w.Sessions.State(context.Background(), token.Subject{
		UserID: c.Sub, SessionID: c.SID, ClientID: token.ClientAPI, Epoch: -1,
	})
	if err != nil {
		return err
	}
	return w.Sessions.RevokeOthers(context.Background(), live, audit.Origin{})
}

// Claims are the claims of a refresh token.
type Claims struct {
	Sub      string `json:"sub"`
	SID      string `json:"sid"`
	Gen      int64  `json:"gen"`
	JTI      string `json:"jti"`
	Exp      int64  `json:"exp"`
	ClientID string `json:"client_id"`
	AuthTime int64  `json:"auth_time"`
}

// Read returns the claims of a refresh token, without verifying it.
func Read(t Fataler, token token.Raw) Claims {
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(string(token), ".")[1])
	Must(t, err)
	var c Claims
	Must(t, json.Unmarshal(b, &c))
	return c
}

// Reuses counts the audit records of a session's end by reuse.
func (w *World) Reuses(t Fataler, c Claims) int {
	list, err := w.Store.Audits.ListAudit(context.Background(), repository.AuditQuery{UserID: c.Sub, Limit: 10000})
	Must(t, err)
	n := 0
	for _, a := range list {
		if a.SessionID == c.SID && a.Event == repository.AuditRefreshReused {
			n++
		}
	}
	return n
}

// Code returns the code of a service error, or the empty string.
func Code(err error) service.Code {
	var e *service.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Fataler is the part of testing.TB that rapid.T has as well.
type Fataler interface {
	Helper()
	Fatal(args ...any)
}

// Must stops the test at an error.
func Must(t Fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// OnBoth runs a test on each set of stores.
func OnBoth(t *testing.T, f func(t *testing.T, store repository.Store)) {
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) { f(t, set.Open(t)) })
	}
}
