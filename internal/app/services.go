package app

import (
	"latchkey/service/account"
	"latchkey/service/health"
	"latchkey/service/login"
	"latchkey/service/oauth"
	"latchkey/service/password"
)

// Services are all services behind the routes. Nothing in them runs yet.
type Services struct {
	*Signing
	Hasher   *password.Hasher
	Accounts *account.Service
	Login    *login.Service
	Throttle *login.Throttle
	Changes  *login.Changes
	Strength *password.Scorer
	OAuth    *oauth.Server
	Clients  *oauth.Clients
	Health   *health.Checker
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
	s.Accounts = p.NewAccounts(policy, s.Hasher)
	s.Login = login.New(p.Stores.Store, s.Hasher, s.Throttle, s.Sessions, p.cfg.Login.RevealUnknownUser, p.Clock, p.Audit, p.env.Log)
	s.Changes = p.NewChanges(signing, policy, s.Hasher)
	s.Strength = password.NewScorer(policy)
	s.OAuth = oauth.New(p.Stores.Store, s.Login, s.Sessions, s.Tokens, p.Clock, p.Audit, p.env.Log)
	s.Health = health.New(p.Stores.Store, p.Stores.Mode, p.Clock)
	return s, nil
}
