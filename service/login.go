package service

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"latchkey/repository"
)

// Delivery is how the refresh tokens of a session travel.
type Delivery = repository.Delivery

// The ways.
const (
	DeliveryBody       = repository.DeliveryBody
	DeliveryCookie     = repository.DeliveryCookie
	DeliveryHostCookie = repository.DeliveryHostCookie
)

// EndReason says why a session ended.
type EndReason = repository.EndReason

// The reasons that a handler or a command gives.
const (
	EndByUser  = repository.EndByUser
	EndByAdmin = repository.EndByAdmin
)

// Credentials are what a user logs in with: a username, an e-mail address, or
// either of them as Username.
type Credentials struct {
	Username string
	Email    string
	Password Password
	Terms    Terms
	Scope    string // of the session
	Delivery Delivery
	// Device is the token that the device got at an earlier log-in.
	Device DeviceToken
	// ByServer is set where the request comes from a client's own server: then
	// its address says nothing about the user.
	ByServer bool
	// Replaces is the refresh token that the browser already had; its session
	// ends.
	Replaces RawToken
	From     Origin
}

// Login makes sessions.
type Login struct {
	store    repository.Store
	hasher   *Hasher
	throttle *Throttle
	sessions *Sessions
	reveal   bool // answer not_found for an unknown user
	counts   tally[LoginOutcome]
	log      *slog.Logger
}

// NewLogin returns the login to a store.
func NewLogin(store repository.Store, hasher *Hasher, throttle *Throttle, sessions *Sessions, reveal bool, log *slog.Logger) *Login {
	return &Login{store: store, hasher: hasher, throttle: throttle, sessions: sessions, reveal: reveal, counts: newLoginTally(), log: log}
}

// Login checks credentials and makes a session. Invalid_credentials for an
// unknown user and a wrong password alike, after the same work;
// account_disabled only to who knows the password.
func (l *Login) Login(ctx context.Context, c Credentials) (Grant, error) {
	u, err := l.check(ctx, c)
	if err != nil {
		return Grant{}, err
	}
	g, err := l.sessions.create(ctx, u, beginning{
		id: newID(), terms: c.Terms, scope: c.Scope, delivery: c.Delivery, amr: amrPassword, replaces: c.Replaces, from: c.From,
	})
	g.Device = l.throttle.remember(u, l.deviceOf(c, u))
	return g, err
}

// deviceOf is the device of a log-in, if the user is known on it.
func (l *Login) deviceOf(c Credentials, u repository.User) *knownDevice {
	return l.throttle.knownTo(c.Device, u)
}

// amrPassword is a log-in by password (RFC 8176 2).
const amrPassword = "pwd"

// check returns whose credentials these are.
func (l *Login) check(ctx context.Context, c Credentials) (repository.User, error) {
	if err := l.sessions.clock.Err(); err != nil {
		return repository.User{}, err
	}
	c.Username, c.Email = trimName(c.Username), trimName(c.Email)
	u, outcome, err := l.judge(ctx, c)
	if err == nil {
		var first bool
		if first, err = l.throttle.login(ctx, u); err != nil {
			if outcome = LoginFailed; AsError(err).Code == CodeRateLimited {
				outcome = LoginThrottled
			}
			if first {
				err = l.refuse(ctx, c, u, outcome, err)
			}
		}
	}
	l.counts.add(outcome)
	if err != nil {
		return u, err
	}
	return l.rehash(ctx, c.From.Address, u, c.Password), nil
}

// judge looks at credentials. The attempt is counted before the password is looked
// at, as if it had failed, so that many at once get no more than their share; what
// did not fail is taken back.
func (l *Login) judge(ctx context.Context, c Credentials) (u repository.User, outcome LoginOutcome, err error) {
	looked := l.throttle.known(c.Device) != nil // whose the device is decides what counts
	if looked {
		if u, err = l.find(ctx, c); err != nil {
			return u, LoginFailed, err
		}
	}
	attempt, first, slow, err := l.throttle.begin(ctx, l.throttle.attempt(c, l.deviceOf(c, u)))
	if err != nil {
		return u, LoginFailed, err
	}
	if slow != nil && !first { // the first of this delay is on record; a flood costs no look at the database
		return u, LoginThrottled, slow
	}
	if !looked {
		if u, err = l.find(ctx, c); err != nil {
			if slow == nil {
				l.ended(ctx, attempt, repository.AttemptUndone)
			}
			return u, LoginFailed, err
		}
	}
	if slow != nil {
		return u, LoginThrottled, l.refuse(ctx, c, u, LoginThrottled, slow)
	}
	outcome, err = l.compare(ctx, c, u)
	l.ended(ctx, attempt, attemptEnd(outcome, err))
	return u, outcome, err
}

// attemptEnd is what an outcome means to the throttle. Whoever goes away before the
// answer has had us work for it: that counts as a failure.
func attemptEnd(outcome LoginOutcome, err error) repository.AttemptEnd {
	switch {
	case outcome == LoginSucceeded:
		return repository.AttemptSucceeded
	case outcome == LoginUnknown, outcome == LoginWrong, errors.Is(err, context.Canceled):
		return repository.AttemptFailed
	}
	return repository.AttemptUndone
}

// ended tells the throttle how an attempt ended.
func (l *Login) ended(ctx context.Context, a counted, end repository.AttemptEnd) {
	if err := l.throttle.end(ctx, a, end); err != nil {
		l.log.LogAttrs(ctx, slog.LevelWarn, "the end of a log-in was not counted", slog.Any("error", err))
	}
}

// find looks a user up; one who is not there is without an ID.
func (l *Login) find(ctx context.Context, c Credentials) (repository.User, error) {
	u, err := findUser(ctx, l.store.Users, c.Username, c.Email)
	if err != nil && !errors.Is(err, repository.ErrNotFound) {
		return u, storeFailure("find who logs in", err)
	}
	return u, nil
}

// compare checks the password of a user, whose ID is empty where there is none.
func (l *Login) compare(ctx context.Context, c Credentials, u repository.User) (outcome LoginOutcome, err error) {
	match, err := l.hasher.Compare(ctx, c.From.Address, u.PasswordHash, c.Password)
	answer := wrongCredentials()
	switch {
	case err != nil && AsError(err).Code == CodeOverloaded:
		return LoginOverloaded, err
	case err != nil:
		return LoginFailed, err
	case u.ID == "":
		outcome = LoginUnknown
		if l.reveal && c.Terms.ClientID == ClientAPI { // to OAuth clients it is one invalid_grant
			answer = NewError(CodeNotFound, "There is no such user.")
		}
	case !match:
		outcome = LoginWrong
	case u.Disabled:
		outcome, answer = LoginDisabled, accountDisabled()
	default:
		return LoginSucceeded, nil
	}
	return outcome, l.refuse(ctx, c, u, outcome, answer)
}

// rehash hashes a password anew where the cost of the settings has changed since.
// If that fails the next login tries again: nobody is refused for it.
func (l *Login) rehash(ctx context.Context, address string, u repository.User, p Password) repository.User {
	if !l.hasher.Outdated(u.PasswordHash) {
		return u
	}
	hash, err := l.hasher.Hash(ctx, address, p)
	if err == nil {
		err = l.store.Users.ReplaceHash(ctx, u.ID, u.PasswordHash, hash, l.sessions.now().UTC().Truncate(time.Microsecond))
	}
	if err != nil {
		l.log.LogAttrs(ctx, slog.LevelInfo, "password not hashed anew", slog.String("user", u.ID), slog.Any("error", err))
		return u
	}
	u.PasswordHash = hash
	return u
}

// findUser looks a user up by whichever name was given. A name that cannot exist
// is not found.
func findUser(ctx context.Context, users repository.Users, username, email string) (repository.User, error) {
	if email == "" && strings.Contains(username, "@") {
		email = username
	}
	if email != "" {
		key, problem := emailKey(email)
		if problem != "" {
			return repository.User{}, repository.ErrNotFound
		}
		return users.FindUserByEmail(ctx, key)
	}
	key, problem := usernameKey(username)
	if problem != "" {
		return repository.User{}, repository.ErrNotFound
	}
	return users.FindUserByUsername(ctx, key)
}

// refuse records a failed login and returns the answer to it. The name that was
// typed is not recorded: people type passwords there.
func (l *Login) refuse(ctx context.Context, c Credentials, u repository.User, why LoginOutcome, answer error) error {
	record := c.From.audit(l.sessions.now().UTC().Truncate(time.Microsecond), repository.AuditLoginFailed, string(why))
	record.UserID, record.ClientID = u.ID, c.Terms.ClientID
	if _, err := l.store.Audits.AppendAudit(ctx, record); err != nil {
		return storeFailure("record a failed login", err)
	}
	logEvent(ctx, l.log, record)
	return answer
}

func wrongCredentials() error {
	return NewError(CodeInvalidCredentials, "The name or the password is wrong.")
}
