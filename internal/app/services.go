package app

import (
	"latchkey/config"
	"latchkey/service/account"
	"latchkey/service/directory"
	"latchkey/service/health"
	"latchkey/service/login"
	"latchkey/service/mail"
	"latchkey/service/oauth"
	"latchkey/service/password"
	"latchkey/service/recovery"
)

// Services are all services behind the routes. Nothing in them runs yet.
type Services struct {
	*Signing
	Hasher    *password.Hasher
	Accounts  *account.Service
	Directory *directory.Service
	Login     *login.Service
	Throttle  *login.Throttle
	Changes   *login.Changes
	Strength  *password.Scorer
	OAuth     *oauth.Server
	Clients   *oauth.Clients
	Recovery  *recovery.Service
	Mailer    *mail.Worker // nil: this deployment sends no mail
	Health    *health.Checker
}

// NewServices returns every service. The caller closes the Hasher.
func (p *Parts) NewServices() (*Services, error) {
	signing, err := p.NewSigning(true)
	if err != nil {
		return nil, err
	}
	policy, err := p.PasswordPolicy()
	if err != nil {
		return nil, err
	}
	s := &Services{Signing: signing, Hasher: p.NewHasher(), Throttle: p.throttle(signing.root), Clients: p.NewClients()}
	s.Accounts = p.NewAccounts(signing, policy, s.Hasher)
	s.Directory = p.NewDirectory(signing)
	s.Login = login.New(p.Stores.Store, s.Hasher, s.Throttle, s.Sessions, login.Rules{
		Reveal: p.cfg.Login.RevealUnknownUser, RequireVerified: p.cfg.Accounts.Verify == config.VerifyRequired,
	}, s.Mail, p.Clock, p.Audit, p.env.Log)
	s.Recovery = p.NewRecovery(signing, s.Accounts, policy, s.Hasher)
	if s.Mailer, err = newMailer(p.cfg, signing.Mail, p.Stores.Store, p.Clock.Now, p.env.Log); err != nil {
		return nil, err
	}
	s.Changes = p.NewChanges(signing, policy, s.Hasher)
	s.Strength = password.NewScorer(policy)
	s.OAuth = oauth.New(p.Stores.Store, s.Login, s.Sessions, s.Tokens, p.Clock, p.Audit, p.env.Log)
	s.Health = health.New(p.Stores.Store, p.Stores.Mode, p.Clock)
	return s, nil
}
