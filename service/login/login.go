package login

import (
	"context"
	"log/slog"
	"time"

	"latchkey/internal/tally"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/mail"
	"latchkey/service/password"
	"latchkey/service/session"
	"latchkey/service/token"
)

// Credentials are a login request: a password, and a username, an email address, or either of
// them as Username.
type Credentials struct {
	Username string
	Email    string
	Password password.Password
	Client   session.ClientPolicy
	Scope    string // of the session
	Delivery session.Delivery
	// Device is the token that the device received at an earlier login.
	Device TrustedDeviceToken
	// ByServer reports that the request comes from the server of a client, so that its
	// address is not the address of the user.
	ByServer bool
	// Replaces is the refresh token that the browser already has. Its session is revoked.
	Replaces token.Raw
	From     audit.Origin
}

// Service logs users in.
type Service struct {
	store    repository.Store
	hasher   *password.Hasher
	throttle *Throttle
	sessions *session.Service
	rules    Rules
	mail     *mail.Composer
	counts   tally.Tally[Outcome]
	clock    *clock.Clock
	audit    *audit.Log
	log      *slog.Logger
}

// Rules are the settings of logins.
type Rules struct {
	Reveal          bool // answer not_found for an unknown user
	RequireVerified bool // refuse a user whose address is not verified
}

// New returns a Service that logs in the users of a store.
func New(store repository.Store, hasher *password.Hasher, throttle *Throttle, sessions *session.Service, rules Rules,
	mail *mail.Composer, clock *clock.Clock, audit *audit.Log, log *slog.Logger,
) *Service {
	return &Service{store: store, hasher: hasher, throttle: throttle, sessions: sessions, rules: rules, mail: mail, counts: newTally(), clock: clock, audit: audit, log: log}
}

// LoggedIn is the result of a login.
type LoggedIn struct {
	session.TokenSet
	TrustedDevice TrustedDeviceToken // the device sends it at its next login
}

// TrustedDevice returns a name for the device of a token, or "" if the token is missing, forged or
// expired, or if devices have no limit of their own. It does not say for which account the device is
// trusted.
func (l *Service) TrustedDevice(token TrustedDeviceToken) string {
	if d := l.throttle.known(token); d != nil && l.throttle.rules.Device.Free > 0 {
		return d.userID + " " + d.id
	}
	return ""
}

// Login authenticates a user and starts a session, with the errors of Authenticate.
func (l *Service) Login(ctx context.Context, c Credentials) (LoggedIn, error) {
	a, err := l.Authenticate(ctx, c)
	if err != nil {
		return LoggedIn{}, err
	}
	g, err := l.sessions.Start(ctx, a.User, session.Params{
		ID: service.NewID(), Client: c.Client, Scope: c.Scope, Delivery: c.Delivery, AMR: a.AMR, Replaces: c.Replaces, Mail: a.Mail, From: c.From,
	})
	return LoggedIn{TokenSet: g, TrustedDevice: a.TrustedDevice}, err
}

// Authenticated is a user who has authenticated.
type Authenticated struct {
	User          repository.User
	AMR           string               // the method (RFC 8176 2)
	TrustedDevice TrustedDeviceToken   // the device sends it at its next login
	Mail          []repository.Message // about the login; the caller stores them with the session or the code
}

// newAccount is how long after signup a login from an unknown device is no news to the owner.
const newAccount = time.Hour

// notice returns the notice of a login from a device that is not trusted. The server of a client
// does not say which device its user has.
func (l *Service) notice(a *attempt) []repository.Message {
	if a.ByServer || l.deviceOf(a) != nil || l.clock.Now().Sub(a.user.CreatedAt) < newAccount {
		return nil
	}
	return l.mail.Notice(mail.NewDevice, a.user, a.From)
}

// amrPassword is authentication by password (RFC 8176 2).
const amrPassword = "pwd"

// Authenticate runs a login through its states and starts no session. It returns
// invalid_credentials for an unknown user and a wrong password alike, after the same work;
// account_disabled and email_unverified only if the password is right; rate_limited, overloaded, store_unavailable.
func (l *Service) Authenticate(ctx context.Context, c Credentials) (Authenticated, error) {
	if err := l.clock.Err(); err != nil {
		return Authenticated{}, err
	}
	c.Username, c.Email = account.Trim(c.Username), account.Trim(c.Email)
	a := &attempt{Credentials: c, state: received}
	if err := l.run(ctx, a); err != nil {
		return Authenticated{}, err
	}
	u := l.rehash(ctx, a)
	return Authenticated{User: u, AMR: amrPassword, TrustedDevice: l.throttle.remember(u, l.deviceOf(a)), Mail: l.notice(a)}, nil
}

// rehash hashes a password again if password.bcrypt_cost has changed since it was hashed. If that
// fails, the next login tries again.
func (l *Service) rehash(ctx context.Context, a *attempt) repository.User {
	u := a.user
	if !l.hasher.Outdated(u.PasswordHash) {
		return u
	}
	hash, err := l.hasher.Hash(ctx, a.From.Address, a.Password)
	if err == nil {
		err = l.store.Users.ReplaceHash(ctx, u.ID, u.PasswordHash, hash, l.clock.Now())
	}
	if err != nil {
		l.log.LogAttrs(ctx, slog.LevelInfo, "password not rehashed", slog.String("user", u.ID), slog.Any("error", err))
		return u
	}
	u.PasswordHash = hash
	return u
}
