package login

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"latchkey/internal/share"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/password"
	"latchkey/service/secret"
	"latchkey/service/token"
)

// LimitRule is the rate limit for failures with a common key.
type LimitRule = repository.LimitRule

// Limits are the rules for failed logins, by their common key. The rule of a broad key must be
// generous, because all users who share the key are delayed together.
type Limits struct {
	AccountAddress LimitRule // one account from one address
	Account        LimitRule // one account from any address
	Address        LimitRule // one address (IPv4 /32, IPv6 /64), any account
	Client         LimitRule // one OAuth client whose servers receive the passwords of users
	Device         LimitRule // a device on which the account has logged in before
	Logins         LimitRule // successful logins of one account, since each stores a session
	Recovery       LimitRule // mails that are requested for one address, or by one user
	RecoveryFrom   LimitRule // mails that are requested, and links that are refused, from one address
}

// Throttle slows down attackers who guess passwords, with the same limits on every replica. A
// delayed client does not learn whether the password was right: the password is not compared.
type Throttle struct {
	limits repository.Limits
	rules  Limits
	key    []byte
	device []byte
	now    func() time.Time
}

// NewThrottle returns a Throttle of logins.
func NewThrottle(limits repository.Limits, root secret.Root, rules Limits, now func() time.Time) *Throttle {
	return &Throttle{limits: limits, rules: rules, key: root.Derive("login limit v1", 32), device: root.Derive("known device v1", 32), now: now}
}

// attempt returns a login attempt with the keys that it counts against. A trusted device has a
// budget of its own, so that an attacker cannot lock out the owner of the account.
func (t *Throttle) attempt(c Credentials, device *trustedDevice) repository.Attempt {
	account := accountName(c.Username, c.Email)
	a := t.newAttempt("attempt", account, c.Password.Reveal())
	address := share.Prefix(c.From.Address)
	switch {
	case device != nil && t.rules.Device.Free > 0:
		t.add(&a, t.rules.Device, "device", device.id)
	case c.ByServer: // the address is the client's
		narrow := t.rules.AccountAddress
		narrow.Max = min(narrow.Max, t.rules.Account.Max) // all users of the client's form share it
		t.add(&a, narrow, "account-client", account, c.Client.ClientID)
		t.add(&a, t.rules.Account, "account", account)
		t.add(&a, t.rules.Client, "client", c.Client.ClientID)
	default:
		t.add(&a, t.rules.AccountAddress, "account-address", account, address)
		t.add(&a, t.rules.Account, "account", account)
		t.add(&a, t.rules.Address, "address", address)
	}
	return a
}

// confirmation returns an attempt of a user with a session who confirms the password. Its failures
// delay only further confirmations.
func (t *Throttle) confirmation(who token.Subject, p password.Password) repository.Attempt {
	a := t.newAttempt("confirmation", who.SessionID, p.Reveal())
	t.add(&a, t.rules.AccountAddress, "session", who.SessionID)
	return a
}

// success returns the attempt of a successful login, with the limit of successful logins.
func (t *Throttle) success(u repository.User) repository.Attempt {
	a := repository.Attempt{Now: t.now()} // without a fingerprint: every login counts
	t.add(&a, t.rules.Logins, "logins", u.ID)
	return a
}

// CountMail counts a request for a mail: to an address, or of a user. It counts addresses with and
// without an account alike. It returns rate_limited if the request must wait.
func (t *Throttle) CountMail(ctx context.Context, about string, from audit.Origin) error {
	a := repository.Attempt{Now: t.now()} // without a fingerprint: every request counts
	t.add(&a, t.rules.Recovery, "recovery", about)
	t.add(&a, t.rules.RecoveryFrom, "recovery-from", share.Prefix(from.Address))
	return t.count(ctx, a)
}

// CountLink counts the use of a link that was refused.
func (t *Throttle) CountLink(ctx context.Context, from audit.Origin) error {
	a := repository.Attempt{Now: t.now()}
	t.add(&a, t.rules.RecoveryFrom, "link-from", share.Prefix(from.Address))
	return t.count(ctx, a)
}

func (t *Throttle) count(ctx context.Context, a repository.Attempt) error {
	admission, err := t.begin(ctx, a)
	if err == nil && admission.delayed() {
		err = admission.refusal("Too many requests. Wait a moment and try again.").answer
	}
	return err
}

func (t *Throttle) newAttempt(parts ...string) repository.Attempt {
	return repository.Attempt{Fingerprint: t.mac(parts...), Now: t.now()}
}

// add counts an attempt against a key, unless its rule is off.
func (t *Throttle) add(a *repository.Attempt, rule LimitRule, kind string, parts ...string) {
	if rule.Free > 0 {
		a.Keys = append(a.Keys, repository.LimitKey{Name: kind + ":" + t.mac(append([]string{kind}, parts...)...), Rule: rule})
	}
}

// admission is the throttle's answer to an attempt.
type admission struct {
	attempt repository.Attempt
	repeat  bool          // of the attempt that has just failed, which was not counted
	wait    time.Duration // until the delay ends; zero: the attempt may continue
	first   bool          // the first refusal of this delay
}

// delayed reports whether the attempt must wait.
func (a admission) delayed() bool { return a.wait > 0 }

// refusal returns the refusal of a delayed attempt. Only the first refusal of a delay is recorded.
func (a admission) refusal(message string) *refusal {
	return &refusal{outcome: Throttled, recorded: a.first, answer: &service.Error{
		Code: service.CodeRateLimited, Message: message, RetryAfter: a.wait, Err: errors.New("throttled"),
	}}
}

// begin counts an attempt. It returns store_unavailable if the attempt could not be counted.
func (t *Throttle) begin(ctx context.Context, a repository.Attempt) (admission, error) {
	if len(a.Keys) == 0 {
		return admission{}, nil
	}
	w, err := t.limits.BeginAttempt(ctx, a)
	if err != nil {
		return admission{}, service.StoreFailure("count an attempt", err)
	}
	return admission{attempt: a, repeat: w.Repeat, wait: w.Wait, first: w.First}, nil
}

// end reports the end of an admitted attempt, even if the client has disconnected. A repetition was
// not counted, so it is not subtracted.
func (t *Throttle) end(ctx context.Context, a admission, end repository.AttemptEnd) error {
	if len(a.attempt.Keys) == 0 {
		return nil
	}
	if a.repeat {
		if end != repository.AttemptSucceeded {
			return nil
		}
		a.attempt.Keys = a.attempt.Keys[:1] // the password has changed since
	}
	return t.limits.EndAttempt(context.WithoutCancel(ctx), a.attempt, end, t.now())
}

// mac returns a keyed hash of a name, so that a dump of the store reveals neither names nor
// passwords.
func (t *Throttle) mac(parts ...string) string {
	m := hmac.New(sha256.New, t.key)
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:15])
}

// accountName returns the key by which the account is compared, or the input itself if it cannot be
// a name.
func accountName(username, email string) string {
	if key, problem := account.EmailKey(cmp.Or(email, username)); problem == "" {
		return key
	}
	if key, problem := account.UsernameKey(username); problem == "" {
		return key
	}
	return username + "\x00" + email
}
