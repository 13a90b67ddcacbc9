package login

import (
	"context"
	"errors"
	"log/slog"

	"latchkey/internal/tally"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/password"
	"latchkey/service/session"
	"latchkey/service/token"
)

// Credentials are what a user logs in with: a username, an e-mail address, or
// either of them as Username.
type Credentials struct {
	Username string
	Email    string
	Password password.Password
	Terms    session.ClientPolicy
	Scope    string // of the session
	Delivery session.Delivery
	// Device is the token that the device got at an earlier log-in.
	Device TrustedDeviceToken
	// ByServer is set where the request comes from a client's own server: then
	// its address says nothing about the user.
	ByServer bool
	// Replaces is the refresh token that the browser already had; its session
	// ends.
	Replaces token.Raw
	From     audit.Origin
}

// Service makes sessions.
type Service struct {
	store    repository.Store
	hasher   *password.Hasher
	throttle *Throttle
	sessions *session.Service
	reveal   bool // answer not_found for an unknown user
	counts   tally.Tally[Outcome]
	clock    *clock.Clock
	audit    *audit.Log
	log      *slog.Logger
}

// New returns the login to a store.
func New(store repository.Store, hasher *password.Hasher, throttle *Throttle, sessions *session.Service, reveal bool,
	clock *clock.Clock, audit *audit.Log, log *slog.Logger,
) *Service {
	return &Service{store: store, hasher: hasher, throttle: throttle, sessions: sessions, reveal: reveal, counts: newTally(), clock: clock, audit: audit, log: log}
}

// Login checks credentials and makes a session. Invalid_credentials for an
// unknown user and a wrong password alike, after the same work;
// account_disabled only to who knows the password.
func (l *Service) Login(ctx context.Context, c Credentials) (LoggedIn, error) {
	a, err := l.Authenticate(ctx, c)
	if err != nil {
		return LoggedIn{}, err
	}
	g, err := l.sessions.Start(ctx, a.User, session.Params{
		ID: service.NewID(), Client: c.Terms, Scope: c.Scope, Delivery: c.Delivery, AMR: a.AMR, Replaces: c.Replaces, From: c.From,
	})
	return LoggedIn{TokenSet: g, TrustedDevice: a.TrustedDevice}, err
}

// Authenticated is a user who has proved who they are.
type Authenticated struct {
	User          repository.User
	AMR           string             // how (RFC 8176 2)
	TrustedDevice TrustedDeviceToken // what the device shows at its next login
}

// LoggedIn is what a login gives.
type LoggedIn struct {
	session.TokenSet
	TrustedDevice TrustedDeviceToken // what the device shows at its next login
}

// deviceOf is the device of a log-in, if the user is known on it.
func (l *Service) deviceOf(c Credentials, u repository.User) *trustedDevice {
	return l.throttle.knownTo(c.Device, u)
}

// amrPassword is a log-in by password (RFC 8176 2).
const amrPassword = "pwd"

// Authenticate returns whose credentials these are, with the errors of Login, and makes no session.
func (l *Service) Authenticate(ctx context.Context, c Credentials) (Authenticated, error) {
	if err := l.clock.Err(); err != nil {
		return Authenticated{}, err
	}
	c.Username, c.Email = account.Trim(c.Username), account.Trim(c.Email)
	u, outcome, err := l.judge(ctx, c)
	if err == nil {
		var first bool
		if first, err = l.throttle.login(ctx, u); err != nil {
			if outcome = Failed; service.AsError(err).Code == service.CodeRateLimited {
				outcome = Throttled
			}
			if first {
				err = l.refuse(ctx, c, u, outcome, err)
			}
		}
	}
	l.counts.Add(outcome)
	if err != nil {
		return Authenticated{}, err
	}
	u = l.rehash(ctx, c.From.Address, u, c.Password)
	return Authenticated{User: u, AMR: amrPassword, TrustedDevice: l.throttle.remember(u, l.deviceOf(c, u))}, nil
}

// judge looks at credentials. The attempt is counted before the password is looked
// at, as if it had failed, so that many at once get no more than their share; what
// did not fail is taken back.
func (l *Service) judge(ctx context.Context, c Credentials) (u repository.User, outcome Outcome, err error) {
	looked := l.throttle.known(c.Device) != nil // whose the device is decides what counts
	if looked {
		if u, err = l.find(ctx, c); err != nil {
			return u, Failed, err
		}
	}
	attempt, first, slow, err := l.throttle.begin(ctx, l.throttle.attempt(c, l.deviceOf(c, u)))
	if err != nil {
		return u, Failed, err
	}
	if slow != nil && !first { // the first of this delay is on record; a flood costs no look at the database
		return u, Throttled, slow
	}
	if !looked {
		if u, err = l.find(ctx, c); err != nil {
			if slow == nil {
				l.ended(ctx, attempt, repository.AttemptUndone)
			}
			return u, Failed, err
		}
	}
	if slow != nil {
		return u, Throttled, l.refuse(ctx, c, u, Throttled, slow)
	}
	outcome, err = l.compare(ctx, c, u)
	l.ended(ctx, attempt, attemptEnd(outcome, err))
	return u, outcome, err
}

// attemptEnd is what an outcome means to the throttle. Whoever goes away before the
// answer has had us work for it: that counts as a failure.
func attemptEnd(outcome Outcome, err error) repository.AttemptEnd {
	switch {
	case outcome == Succeeded:
		return repository.AttemptSucceeded
	case outcome == UnknownUser, outcome == WrongPassword, errors.Is(err, context.Canceled):
		return repository.AttemptFailed
	}
	return repository.AttemptUndone
}

// ended tells the throttle how an attempt ended.
func (l *Service) ended(ctx context.Context, a counted, end repository.AttemptEnd) {
	if err := l.throttle.end(ctx, a, end); err != nil {
		l.log.LogAttrs(ctx, slog.LevelWarn, "the end of a log-in was not counted", slog.Any("error", err))
	}
}

// find looks a user up; one who is not there is without an ID.
func (l *Service) find(ctx context.Context, c Credentials) (repository.User, error) {
	u, err := account.Lookup(ctx, l.store.Users, c.Username, c.Email)
	if err != nil && !errors.Is(err, repository.ErrNotFound) {
		return u, service.StoreFailure("find who logs in", err)
	}
	return u, nil
}

// compare checks the password of a user, whose ID is empty where there is none.
func (l *Service) compare(ctx context.Context, c Credentials, u repository.User) (outcome Outcome, err error) {
	match, err := l.hasher.Compare(ctx, c.From.Address, u.PasswordHash, c.Password)
	answer := wrongCredentials()
	switch {
	case err != nil && service.AsError(err).Code == service.CodeOverloaded:
		return Overloaded, err
	case err != nil:
		return Failed, err
	case u.ID == "":
		outcome = UnknownUser
		if l.reveal && c.Terms.ClientID == token.ClientAPI { // to OAuth clients it is one invalid_grant
			answer = service.NewError(service.CodeNotFound, "There is no such user.")
		}
	case !match:
		outcome = WrongPassword
	case u.Disabled:
		outcome, answer = Disabled, service.AccountDisabled()
	default:
		return Succeeded, nil
	}
	return outcome, l.refuse(ctx, c, u, outcome, answer)
}

// rehash hashes a password anew where the cost of the settings has changed since.
// If that fails the next login tries again: nobody is refused for it.
func (l *Service) rehash(ctx context.Context, address string, u repository.User, p password.Password) repository.User {
	if !l.hasher.Outdated(u.PasswordHash) {
		return u
	}
	hash, err := l.hasher.Hash(ctx, address, p)
	if err == nil {
		err = l.store.Users.ReplaceHash(ctx, u.ID, u.PasswordHash, hash, l.clock.Now())
	}
	if err != nil {
		l.log.LogAttrs(ctx, slog.LevelInfo, "password not hashed anew", slog.String("user", u.ID), slog.Any("error", err))
		return u
	}
	u.PasswordHash = hash
	return u
}

// refuse records a failed login and returns the answer to it. The name that was
// typed is not recorded: people type passwords there.
func (l *Service) refuse(ctx context.Context, c Credentials, u repository.User, why Outcome, answer error) error {
	record := c.From.Record(l.clock.Now(), repository.AuditLoginFailed, string(why))
	record.UserID, record.ClientID = u.ID, c.Terms.ClientID
	if err := l.audit.Write(ctx, record); err != nil {
		return err
	}
	return answer
}

func wrongCredentials() error {
	return service.NewError(service.CodeInvalidCredentials, "The name or the password is wrong.")
}
