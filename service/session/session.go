package session

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"latchkey/internal/tally"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/mail"
	"latchkey/service/secret"
	"latchkey/service/token"
)

// Delivery is how the refresh tokens of a session are sent.
type Delivery = repository.Delivery

// The deliveries.
const (
	DeliveryBody       = repository.DeliveryBody
	DeliveryCookie     = repository.DeliveryCookie
	DeliveryHostCookie = repository.DeliveryHostCookie
)

// EndReason is why a session ended.
type EndReason = repository.EndReason

// The reasons for which handlers and commands end a session.
const (
	EndByUser  = repository.EndByUser
	EndByAdmin = repository.EndByAdmin
)

// Policy determines the lifetimes and limits of sessions.
type Policy struct {
	Rotate      bool          // replace a refresh token when it is used
	Sliding     bool          // each use moves the idle expiry
	IdleTTL     time.Duration // how long an unused session lives
	AbsoluteTTL time.Duration // the maximum lifetime
	Grace       time.Duration // how long a replaced token is accepted; 0: never
	Recovery    time.Duration // how long a lost successor can be replaced; 0: never
	MaxSessions int           // maximum number of live sessions of a user
	HeaderKeeps bool          // rtVerify accepts a token in a header
}

// TokenSet is the result of a login or a refresh: the user and the tokens.
type TokenSet struct {
	User    account.Account
	Session Ref
	Outcome repository.Outcome // of a refresh; empty for a login
	Gen     int64              // how often the refresh token has been replaced

	Access        token.Raw
	AccessExpiry  time.Time
	Scope         string    // of the access token
	Refresh       token.Raw // empty if the client asked for an access token only
	RefreshExpiry time.Time // the earlier of the idle and the absolute expiry
	RefreshAfter  time.Time // when the client should refresh
	SessionExpiry time.Time // absolute

	// RefreshChanged is false if the refresh token stays the same. It must then not be set as a
	// cookie again, because a late answer would overwrite a newer token.
	RefreshChanged bool
}

// Service implements the refresh protocol.
type Service struct {
	store   repository.Store
	tokens  *token.Minter
	policy  Policy
	counts  tally.Tally[repository.Outcome]
	nameKey []byte // of Name
	mail    *mail.Composer
	clock   *clock.Clock
	now     func() time.Time // from clock
	audit   *audit.Log
	log     *slog.Logger
}

// New returns a Service for the sessions in a store.
func New(store repository.Store, root secret.Root, tokens *token.Minter, policy Policy, mail *mail.Composer, clock *clock.Clock, audit *audit.Log, log *slog.Logger) *Service {
	return &Service{store: store, tokens: tokens, policy: policy, nameKey: root.Derive("session name v1", 32), mail: mail, counts: tally.New(repository.Outcomes()...), clock: clock, now: clock.Now, audit: audit, log: log}
}

// Params are the parameters of a new session.
type Params struct {
	ID       string
	Client   ClientPolicy
	Scope    string
	Delivery Delivery
	AMR      string
	AuthTime time.Time // zero: now
	Replaces token.Raw
	Mail     []repository.Message // about the login
	From     audit.Origin
}

// Start creates the session of a successful login. The write to the database comes last and is the
// commit. A login that fails earlier leaves a session whose token no client has, and leaves all
// other sessions unchanged.
func (s *Service) Start(ctx context.Context, u repository.User, b Params) (TokenSet, error) {
	now := s.now()
	session := repository.Session{
		ID: b.ID, UserID: u.ID, JTI: token.NewID(), RotatedAt: now,
		AbsoluteAt: now.Add(Shorter(b.Client.AbsoluteTTL, s.policy.AbsoluteTTL)).Truncate(time.Second), // exp has no fractions
		Epoch:      u.SessionEpoch, ClientID: b.Client.ClientID, Delivery: b.Delivery, Scope: b.Scope,
		AMR: b.AMR, AuthTime: cmp.Or(b.AuthTime, now), CreatedAt: now, UsedAt: now, Address: b.From.Address, Agent: b.From.Agent,
	}
	session.IdleAt = now.Add(Shorter(b.Client.IdleTTL, s.policy.IdleTTL))
	if session.IdleAt.After(session.AbsoluteAt) {
		session.IdleAt = session.AbsoluteAt
	}
	record := b.From.Record(now, repository.AuditLogin, "ok")
	record.UserID, record.SessionID, record.ClientID = u.ID, session.ID, session.ClientID
	ended := s.replaced(b, now)
	limit := repository.Limit{Sessions: s.policy.MaxSessions, ExceptSession: u.ExceptSession}
	if len(ended) > 0 {
		limit.Replaced = ended[0].Revocation.SessionID
	}
	surplus, err := s.store.Sessions.CreateSession(ctx, session, limit)
	if err != nil {
		return TokenSet{}, service.StoreFailure("create a session", err)
	}
	for _, id := range surplus {
		r := revocation(u.ID, id, repository.EndEvicted, now, s.expiry(ctx, u.ID, id, now))
		ended = append(ended, repository.Ended{Revocation: r, Audit: endRecord(b.From, r, "")})
	}
	revoked, err := s.store.Revocations.RecordLogin(ctx, record, u.SessionEpoch, ended, b.Mail...)
	if err != nil {
		// No client has the token of the session, which must not appear in the list of sessions.
		s.tombstone(ctx, revocation(u.ID, session.ID, repository.EndLogout, now, session.AbsoluteAt))
		if errors.Is(err, repository.ErrNotFound) {
			return TokenSet{}, service.NewError(service.CodeInvalidCredentials, "The account has just been changed. Try again.")
		}
		return TokenSet{}, service.StoreFailure("record a login", err)
	}
	s.audit.Committed(ctx, record)
	for _, e := range ended {
		if slices.Contains(revoked, e.Revocation.SessionID) {
			s.audit.Committed(ctx, e.Audit)
		}
		s.tombstone(ctx, e.Revocation)
	}
	g, err := s.grant(u, session.ID, b.Client, session.Result(repository.OutcomeRotated), "")
	g.Outcome = "" // only refreshes have an outcome
	g.RefreshChanged = true
	return g, err
}

// replaced returns the end of the session whose refresh cookie a login carried, or nil if the login
// carried no refresh token that verifies.
func (s *Service) replaced(b Params, now time.Time) []repository.Ended {
	if b.Replaces == "" {
		return nil
	}
	old, err := s.tokens.VerifyRefresh(b.Replaces)
	if err != nil {
		return nil
	}
	r := revocation(old.UserID, old.SessionID, repository.EndReplaced, now, old.ExpiresAt)
	return []repository.Ended{{Revocation: r, Audit: endRecord(b.From, r, old.ClientID)}}
}

// grant mints the tokens for an accepted login or refresh. A narrower scope applies only to the
// access token, which does not outlive the session.
func (s *Service) grant(u repository.User, sessionID string, client ClientPolicy, out repository.RefreshResult, narrower string) (TokenSet, error) {
	g, err := s.grantAccess(u, sessionID, client, out, narrower)
	if err != nil {
		return TokenSet{}, err
	}
	g.Refresh, err = s.tokens.MintRefresh(token.Refresh{
		RefreshToken: repository.RefreshToken{UserID: u.ID, SessionID: sessionID, Gen: out.Gen, JTI: out.JTI, IssuedAt: out.RotatedAt},
		ClientID:     client.ClientID, ExpiresAt: out.AbsoluteAt,
	})
	return g, err
}

// grantAccess is grant for a client that keeps its refresh token.
func (s *Service) grantAccess(u repository.User, sessionID string, client ClientPolicy, out repository.RefreshResult, narrower string) (TokenSet, error) {
	scope := client.allow(cmp.Or(narrower, out.Scope))
	access, accessExpiry, err := s.tokens.MintAccess(token.Subject{
		UserID: u.ID, SessionID: sessionID, ClientID: client.ClientID, Privilege: u.Privilege,
		Epoch: u.SessionEpoch, Scope: scope, AuthTime: out.AuthTime,
	}, client.Audience, strings.Fields(out.AMR), s.tokens.Lifetime(min(cmp.Or(client.AccessTTL, s.tokens.AccessTTL()), max(time.Second, out.AbsoluteAt.Sub(s.now())))))
	if err != nil {
		return TokenSet{}, err
	}
	g := TokenSet{
		User: account.Of(u), Session: Ref{u.ID, sessionID}, Outcome: out.Outcome, Gen: out.Gen, Access: access, AccessExpiry: accessExpiry, Scope: scope,
		RefreshExpiry: out.IdleAt, SessionExpiry: out.AbsoluteAt,
		RefreshAfter: refreshAfter(s.now(), accessExpiry),
	}
	if out.AbsoluteAt.Before(g.RefreshExpiry) {
		g.RefreshExpiry = out.AbsoluteAt
	}
	return g, nil
}

// refreshAfter returns when a client should refresh: at a random time between 70 and 80 % of the
// access token's lifetime, so that clients do not refresh at the same time.
func refreshAfter(now, expiry time.Time) time.Time {
	life := expiry.Sub(now)
	return now.Add(life*7/10 + clock.Spread(life/10)).Truncate(clock.Resolution)
}

// Counts returns the number of refreshes of this process by outcome.
func (s *Service) Counts() map[repository.Outcome]int64 { return s.counts.Read() }
