package service

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"latchkey/repository"
)

// LimitRule is how failures that have something in common are slowed down.
type LimitRule = repository.LimitRule

// LoginLimits are the rules for failed log-ins, by what they have in common. Those
// of a wide key must be generous: whoever shares it pays for the others.
type LoginLimits struct {
	AccountAddress LimitRule // one account from one address
	Account        LimitRule // one account, from anywhere
	Address        LimitRule // one address (IPv4 /32, IPv6 /64), any account
	Client         LimitRule // one OAuth client that has users' passwords pass through its servers
	Device         LimitRule // a device on which the account has logged in before
}

// Throttle slows down who guesses passwords, the same on every replica. Whoever
// waits is not told whether the password was right: it is not looked at.
type Throttle struct {
	limits repository.Limits
	rules  LoginLimits
	key    []byte
	device []byte
	now    func() time.Time
}

// NewThrottle returns the throttle of log-ins.
func NewThrottle(limits repository.Limits, root RootKeys, rules LoginLimits, now func() time.Time) *Throttle {
	return &Throttle{limits: limits, rules: rules, key: root.limit, device: root.device, now: now}
}

// attempt is a log-in with all that it counts against. A device that the account
// is known on has a budget of its own, so that nobody can keep its owner out.
func (t *Throttle) attempt(c Credentials, device *knownDevice) repository.Attempt {
	account := accountName(c.Username, c.Email)
	a := repository.Attempt{Fingerprint: t.mac("attempt", account, c.Password.text), Now: t.now().UTC().Truncate(time.Millisecond)}
	add := func(rule LimitRule, kind string, parts ...string) {
		if rule.Free > 0 {
			a.Keys = append(a.Keys, repository.LimitKey{Name: kind + ":" + t.mac(append([]string{kind}, parts...)...), Rule: rule})
		}
	}
	address := AddressPrefix(c.From.Address)
	switch {
	case device != nil:
		add(t.rules.Device, "device", device.id)
	case c.ByServer: // its address is the client's
		add(t.rules.AccountAddress, "account-client", account, c.Terms.ClientID)
		add(t.rules.Account, "account", account)
		add(t.rules.Client, "client", c.Terms.ClientID)
	default:
		add(t.rules.AccountAddress, "account-address", account, address)
		add(t.rules.Account, "account", account)
		add(t.rules.Address, "address", address)
	}
	return a
}

// begin counts an attempt. Slow is rate_limited where it has to wait; first is
// set on the first attempt of a delay.
func (t *Throttle) begin(ctx context.Context, a repository.Attempt) (first bool, slow, err error) {
	if len(a.Keys) == 0 {
		return false, nil, nil
	}
	w, err := t.limits.BeginAttempt(ctx, a)
	if err != nil {
		return false, nil, storeFailure("count a log-in", err)
	}
	if w.For > 0 {
		slow = &Error{
			Code: CodeRateLimited, Message: "Too many failed log-ins. Wait a moment and try again.", RetryAfter: w.For,
			Err: errors.New("throttled"),
		}
	}
	return w.First, slow, nil
}

// end takes back what an attempt counted. It must not be cut short by a client
// that goes away.
func (t *Throttle) end(ctx context.Context, a repository.Attempt, success bool) error {
	if len(a.Keys) == 0 {
		return nil
	}
	return t.limits.EndAttempt(context.WithoutCancel(ctx), a, success)
}

// mac names something without telling it: what a dump of the store shows are
// neither names nor passwords.
func (t *Throttle) mac(parts ...string) string {
	m := hmac.New(sha256.New, t.key)
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{0})
	}
	return b64.EncodeToString(m.Sum(nil)[:15])
}

// accountName is what was typed, as accounts are compared; what cannot be a name
// is itself.
func accountName(username, email string) string {
	if key, problem := emailKey(cmp.Or(email, username)); problem == "" {
		return key
	}
	if key, problem := usernameKey(username); problem == "" {
		return key
	}
	return username + "\x00" + email
}

// AddressPrefix is the network that an address stands for: one house has as many IPv6
// addresses as it likes. What is no address has none.
func AddressPrefix(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	bits := 32
	if a = a.Unmap(); a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
