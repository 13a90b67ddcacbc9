package app

import (
	"os"
	"time"

	"latchkey/config"
	"latchkey/service/jose"
	"latchkey/service/keys"
	"latchkey/service/login"
	"latchkey/service/mail"
	"latchkey/service/oauth"
	"latchkey/service/secret"
	"latchkey/service/session"
	"latchkey/service/token"
)

// Signing contains the parts that depend on the root secret.
type Signing struct {
	Keys     *keys.Ring // not yet loaded
	Tokens   *token.Minter
	Sessions *session.Service
	Mail     *mail.Composer

	root secret.Root
}

// NewSigning returns the parts that depend on the root secret. In the embedded mode, it
// generates a missing secret only with create.
func (p *Parts) NewSigning(create bool) (*Signing, error) {
	log := p.env.Log
	root, err := rootSecret(p.cfg, create, log)
	if err != nil {
		return nil, err
	}
	policy := keys.Policy{
		Algorithm: algorithmOf(p.cfg), Rotation: p.cfg.Tokens.KeyRotation, Publish: p.env.KeyPublish, Poll: p.env.KeyPoll,
		Lifetime: map[keys.Use]time.Duration{keys.UseAccess: oauth.MaxAccessTTL, keys.UseRefresh: p.cfg.Refresh.AbsoluteTTL},
	}
	if file := p.cfg.Tokens.KeysFile; file != "" {
		if policy.Algorithm != "" {
			log.Warn("tokens.algorithm is ignored: the keys in tokens.keys_file decide", "file", file)
		}
		policy.File = func() ([]byte, error) { return os.ReadFile(file) }
	}
	s := &Signing{root: root, Keys: keys.NewRing(p.Stores.Keys, root, policy, p.Clock, p.Audit, log)}
	s.Tokens = token.NewMinter(root, s.Keys, p.cfg.Tokens.Issuer, p.cfg.Tokens.Audience, p.cfg.Tokens.AccessTTL, p.Clock)
	s.Mail = newComposer(p.cfg, root, p.Clock.Now)
	s.Sessions = session.New(p.Stores.Store, root, s.Tokens, sessionPolicy(p.cfg), s.Mail, p.Clock, p.Audit, log)
	return s, nil
}

// algorithmOf returns the algorithm in the settings. It returns "" if the algorithm of the
// existing keys applies.
func algorithmOf(cfg config.Config) jose.Algorithm {
	if cfg.Tokens.Algorithm == "auto" {
		return ""
	}
	return jose.Algorithm(cfg.Tokens.Algorithm)
}

func sessionPolicy(cfg config.Config) session.Policy {
	return session.Policy{
		Rotate: cfg.Refresh.Rotate, Sliding: cfg.Refresh.Sliding,
		IdleTTL: cfg.Refresh.IdleTTL, AbsoluteTTL: cfg.Refresh.AbsoluteTTL, Grace: cfg.Refresh.Grace,
		Recovery: cfg.Refresh.Recovery, MaxSessions: cfg.Refresh.MaxSessions, HeaderKeeps: cfg.Refresh.HeaderRTVerify,
	}
}

// throttle returns the limits of logins. A delay that also affects users other than the
// attacker is short, so that an attacker cannot lock a user out.
func (p *Parts) throttle(root secret.Root) *login.Throttle {
	l := p.cfg.Limits
	rule := func(free int, most time.Duration) login.LimitRule {
		return login.LimitRule{Free: free, Base: l.LoginDelay, Max: max(l.LoginDelay, most), Forget: l.LoginForget}
	}
	hourly := func(free int) login.LimitRule {
		return login.LimitRule{Free: free, Base: l.LoginDelay, Max: max(l.LoginDelay, l.LoginMaxDelay), Forget: time.Hour}
	}
	const shared = time.Minute
	return login.NewThrottle(p.Stores.Limits, root, login.Limits{
		AccountAddress: rule(l.LoginAccountAddress, l.LoginMaxDelay), Device: rule(l.LoginDevice, l.LoginMaxDelay),
		Account: rule(l.LoginAccount, min(shared, l.LoginMaxDelay)), Address: rule(l.LoginAddress, min(shared, l.LoginMaxDelay)),
		Recovery: hourly(l.RecoveryAccount), RecoveryFrom: hourly(l.RecoveryAddress),
		Client: rule(l.LoginClient, min(shared, l.LoginMaxDelay)),
		Logins: login.LimitRule{Free: l.LoginsPerHour, Base: l.LoginDelay, Max: max(l.LoginDelay, min(shared, l.LoginMaxDelay)), Forget: time.Hour},
	}, p.Clock.Now)
}
