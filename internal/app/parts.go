package app

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"latchkey/config"
	"latchkey/internal/observe"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/directory"
	"latchkey/service/inspect"
	"latchkey/service/login"
	"latchkey/service/mail"
	"latchkey/service/oauth"
	"latchkey/service/password"
	"latchkey/service/recovery"
	"latchkey/service/retention"
)

// Parts makes services from settings, on open stores. A command makes only the services that it
// needs.
type Parts struct {
	Stores *Stores
	Clock  *clock.Clock
	Audit  *audit.Log

	cfg config.Config
	env Env
}

// Open opens the stores, in any state of their schema. It creates a SQLite file only with
// create. It starts nothing: call Clock.Start to compare the clock.
func Open(ctx context.Context, cfg config.Config, env Env, create bool) (*Parts, error) {
	return open(ctx, cfg, env, create, observe.Instruments{})
}

func open(ctx context.Context, cfg config.Config, env Env, create bool, i observe.Instruments) (*Parts, error) {
	stores := env.Stores
	if stores == nil {
		var err error
		if stores, err = openStores(ctx, cfg, create, env.Log, i); err != nil {
			return nil, err
		}
	}
	return &Parts{
		Stores: stores, cfg: cfg, env: env.withDefaults(),
		Clock: clock.New(stores.Clock, stores.TimeMark, cfg.Refresh.Grace, env.Now, env.Log),
		Audit: audit.NewLog(stores.Audits, env.Log),
	}, nil
}

// Close closes the stores, unless the caller of Open opened them.
func (p *Parts) Close() {
	if p.env.Stores == nil {
		p.Stores.Close()
	}
}

// hashWait is the longest time that a login waits in the queue for its hash, because a response
// must come within 3 s. A long wait costs less than a refusal: a refused client retries.
const hashWait = 2400 * time.Millisecond

// NewHasher returns a new hasher. The caller closes it.
func (p *Parts) NewHasher() *password.Hasher {
	return password.NewHasher(p.cfg.Password.BcryptCost, p.env.HashSlots, cmp.Or(p.env.HashWait, min(hashWait, p.cfg.Server.RequestTimeout/2)))
}

// PasswordPolicy returns the rules for new passwords. It opens the breach file, which stays
// open for the lifetime of the process.
func (p *Parts) PasswordPolicy() (password.Policy, error) {
	policy := password.Policy{MinLength: p.cfg.Password.MinLength, Service: p.cfg.Server.PublicURL.Hostname()}
	if p.cfg.Password.BreachFile == "" {
		return policy, nil
	}
	_, list, err := openBreachFile(p.cfg.Password.BreachFile)
	if err != nil {
		return policy, fmt.Errorf("password.breach_file: %w", err)
	}
	policy.Breached = list
	return policy, nil
}

// FindAccount returns the account with a username or an email address, for an operator.
func (p *Parts) FindAccount(ctx context.Context, name string) (account.Account, error) {
	return account.Find(ctx, p.Stores.Users, name)
}

// NewAccounts returns the account service, which applies a policy to new passwords.
func (p *Parts) NewAccounts(s *Signing, policy password.Policy, hasher *password.Hasher) *account.Service {
	return account.New(p.Stores.Store, hasher, account.Rules{
		Password: policy, Signup: p.cfg.Signup.Enabled, Verify: p.cfg.Accounts.Verify != config.VerifyOff, Conceal: p.cfg.Accounts.Conceal,
	}, s.Mail, s.root, p.Clock.Now, p.Audit)
}

// NewDirectory returns the service for the accounts of other users.
func (p *Parts) NewDirectory(s *Signing) *directory.Service {
	return directory.New(p.Stores.Users, s.Sessions, s.Mail, p.cfg.Accounts.Verify != config.VerifyOff, p.Clock.Now, p.Audit)
}

// NewChanges returns the service that changes accounts.
func (p *Parts) NewChanges(s *Signing, policy password.Policy, hasher *password.Hasher) *login.Changes {
	return login.NewChanges(p.Stores.Store, s.Sessions, hasher, p.throttle(s.root), policy, p.cfg.Accounts.Conceal, s.Mail, p.Clock.Now, p.Audit)
}

// NewRecovery returns the service of one-time links.
func (p *Parts) NewRecovery(s *Signing, accounts *account.Service, policy password.Policy, hasher *password.Hasher) *recovery.Service {
	return recovery.New(p.Stores.Store, accounts, s.Sessions, hasher, p.throttle(s.root), policy, s.Mail, linkURLs(p.cfg), p.Clock.Now, p.Audit)
}

// NewOutbox returns the view of an operator of the messages.
func (p *Parts) NewOutbox(s *Signing) *mail.Outbox { return mail.NewOutbox(s.Mail, p.Stores.Outbox) }

// NewClients returns the service of OAuth clients.
func (p *Parts) NewClients() *oauth.Clients {
	return oauth.NewClients(p.Stores.Clients, p.Clock.Now, p.Audit)
}

// NewRetention returns the service that deletes expired records.
func (p *Parts) NewRetention() *retention.Service {
	return retention.New(p.Stores.Store, p.Clock, p.Audit, p.env.Log)
}

// NewInspector returns the service that explains tokens.
func (p *Parts) NewInspector(s *Signing) *inspect.Inspector {
	return inspect.New(s.Tokens, s.Keys, s.Sessions, sessionPolicy(p.cfg), p.Clock.Now)
}
