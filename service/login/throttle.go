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
	"latchkey/service/password"
	"latchkey/service/secret"
	"latchkey/service/token"
)

// LimitRule is how failures that have something in common are slowed down.
type LimitRule = repository.LimitRule

// Limits are the rules for failed log-ins, by what they have in common. Those
// of a wide key must be generous: whoever shares it pays for the others.
type Limits struct {
	AccountAddress LimitRule // one account from one address
	Account        LimitRule // one account, from anywhere
	Address        LimitRule // one address (IPv4 /32, IPv6 /64), any account
	Client         LimitRule // one OAuth client that has users' passwords pass through its servers
	Device         LimitRule // a device on which the account has logged in before
	Logins         LimitRule // successful log-ins of one account: each leaves something behind
}

// Throttle slows down who guesses passwords, the same on every replica. Whoever
// waits is not told whether the password was right: it is not looked at.
type Throttle struct {
	limits repository.Limits
	rules  Limits
	key    []byte
	device []byte
	now    func() time.Time
}

// NewThrottle returns the throttle of log-ins.
func NewThrottle(limits repository.Limits, root secret.Root, rules Limits, now func() time.Time) *Throttle {
	return &Throttle{limits: limits, rules: rules, key: root.Derive("login limit v1", 32), device: root.Derive("known device v1", 32), now: now}
}

// attempt is a log-in with all that it counts against. A device that the account
// is known on has a budget of its own, so that nobody can keep its owner out.
func (t *Throttle) attempt(c Credentials, device *trustedDevice) repository.Attempt {
	account := accountName(c.Username, c.Email)
	a := t.newAttempt("attempt", account, c.Password.Reveal())
	address := share.Prefix(c.From.Address)
	switch {
	case device != nil && t.rules.Device.Free > 0:
		t.add(&a, t.rules.Device, "device", device.id)
	case c.ByServer: // its address is the client's
		narrow := t.rules.AccountAddress
		narrow.Max = min(narrow.Max, t.rules.Account.Max) // whoever can reach the client's form shares it
		t.add(&a, narrow, "account-client", account, c.Terms.ClientID)
		t.add(&a, t.rules.Account, "account", account)
		t.add(&a, t.rules.Client, "client", c.Terms.ClientID)
	default:
		t.add(&a, t.rules.AccountAddress, "account-address", account, address)
		t.add(&a, t.rules.Account, "account", account)
		t.add(&a, t.rules.Address, "address", address)
	}
	return a
}

// confirmation is whoever has a session and shows the password once more. What
// fails there delays nothing but this.
func (t *Throttle) confirmation(who token.Subject, p password.Password) repository.Attempt {
	a := t.newAttempt("confirmation", who.SessionID, p.Reveal())
	t.add(&a, t.rules.AccountAddress, "session", who.SessionID)
	return a
}

// login counts a log-in that has succeeded. It returns rate_limited where the account
// has had too many, and whether nobody was told so yet.
func (t *Throttle) login(ctx context.Context, u repository.User) (first bool, err error) {
	a := t.newAttempt("")
	a.Fingerprint = ""
	t.add(&a, t.rules.Logins, "logins", u.ID)
	_, first, slow, err := t.begin(ctx, a)
	var e *service.Error
	if errors.As(slow, &e) {
		e.Message = "This account has logged in very often. Wait a moment and try again."
		return first, e
	}
	return false, err
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

// counted is an attempt that was let in.
type counted struct {
	repository.Attempt
	repeat bool
}

// begin counts an attempt. Slow is rate_limited where it has to wait; first is
// set on the first attempt of a delay.
func (t *Throttle) begin(ctx context.Context, a repository.Attempt) (c counted, first bool, slow, err error) {
	if len(a.Keys) == 0 {
		return counted{}, false, nil, nil
	}
	w, err := t.limits.BeginAttempt(ctx, a)
	if err != nil {
		return counted{}, false, nil, service.StoreFailure("count an attempt", err)
	}
	if w.Wait > 0 {
		slow = &service.Error{
			Code: service.CodeRateLimited, Message: "Too many wrong passwords. Wait a moment and try again.", RetryAfter: w.Wait,
			Err: errors.New("throttled"),
		}
	}
	return counted{a, w.Repeat}, w.First, slow, nil
}

// end says how an attempt ended, which must not be cut short by a client that goes
// away. What was not counted, since it had just failed, is not taken back.
func (t *Throttle) end(ctx context.Context, c counted, end repository.AttemptEnd) error {
	if len(c.Keys) == 0 {
		return nil
	}
	if c.repeat {
		if end != repository.AttemptSucceeded {
			return nil
		}
		c.Keys = c.Keys[:1] // the password has changed since
	}
	return t.limits.EndAttempt(context.WithoutCancel(ctx), c.Attempt, end, t.now())
}

// mac names something without telling it: what a dump of the store shows are
// neither names nor passwords.
func (t *Throttle) mac(parts ...string) string {
	m := hmac.New(sha256.New, t.key)
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:15])
}

// accountName is what was typed, as accounts are compared; what cannot be a name
// is itself.
func accountName(username, email string) string {
	if key, problem := account.EmailKey(cmp.Or(email, username)); problem == "" {
		return key
	}
	if key, problem := account.UsernameKey(username); problem == "" {
		return key
	}
	return username + "\x00" + email
}
