package service

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"latchkey/repository"
)

// RefreshPolicy is how sessions live.
type RefreshPolicy struct {
	Rotate      bool          // replace a refresh token when it is used
	Sliding     bool          // each use moves the idle expiry
	IdleTTL     time.Duration // how long a session lives unused
	AbsoluteTTL time.Duration // how long it lives at most
	Grace       time.Duration // within which requests of one client may cross
}

// Grant is what a login or a refresh gives: the user, and tokens.
type Grant struct {
	User    Account
	Outcome repository.Outcome // empty for a login

	Access        RawToken
	AccessExpiry  time.Time
	Refresh       RawToken
	RefreshExpiry time.Time // the smaller of idle and absolute
	RefreshAfter  time.Time // when the client should refresh
	SessionExpiry time.Time // absolute

	// RefreshChanged is false where the presented refresh token stays: it must
	// not be set as a cookie again, since a late answer would overwrite a newer
	// one.
	RefreshChanged bool
}

// Sessions is the refresh protocol.
type Sessions struct {
	store  repository.Store
	tokens *Tokens
	policy RefreshPolicy
	now    func() time.Time
	log    *slog.Logger
}

// NewSessions returns the sessions in a store.
func NewSessions(store repository.Store, tokens *Tokens, policy RefreshPolicy, now func() time.Time, log *slog.Logger) *Sessions {
	return &Sessions{store: store, tokens: tokens, policy: policy, now: now, log: log}
}

// create makes the session of a login that has succeeded. The write to the
// database comes last and is the commit: a login that fails half way leaves a
// session whose token nobody has, and the browser's old one as it was.
func (s *Sessions) create(ctx context.Context, u repository.User, c Credentials) (Grant, error) {
	now := s.now().UTC().Truncate(time.Millisecond)
	session := repository.Session{
		ID: newID(), UserID: u.ID, JTI: newTokenID(), RotatedAt: now,
		AbsoluteAt: now.Add(s.policy.AbsoluteTTL).Truncate(time.Second), // exp has no fractions
		Epoch:      u.SessionEpoch, ClientID: ClientAPI, Delivery: c.Delivery,
		AMR: "pwd", AuthTime: now, CreatedAt: now, UsedAt: now, Address: c.From.Address, Agent: c.From.Agent,
	}
	session.IdleAt = now.Add(s.policy.IdleTTL)
	if session.IdleAt.After(session.AbsoluteAt) {
		session.IdleAt = session.AbsoluteAt
	}
	record := c.From.audit(now, repository.AuditLogin, "ok")
	record.UserID, record.SessionID, record.ClientID = u.ID, session.ID, ClientAPI
	if err := s.store.Sessions.CreateSession(ctx, session); err != nil {
		return Grant{}, storeFailure("create a session", err)
	}
	replaced := s.replaced(c, now)
	if err := s.store.Revocations.RecordLogin(ctx, record, replaced); err != nil {
		return Grant{}, storeFailure("record a login", err)
	}
	logEvent(ctx, s.log, record)
	if replaced != nil {
		logEvent(ctx, s.log, replaced.Audit)
		s.tombstone(ctx, replaced.Revocation)
	}
	return s.grant(u, session.ID, ClientAPI, session.Presented(repository.OutcomeRotated))
}

// replaced is the session whose refresh cookie a login carried, if it carried
// one that verifies.
func (s *Sessions) replaced(c Credentials, now time.Time) *repository.Replaced {
	if c.Replaces == "" {
		return nil
	}
	old, err := s.tokens.verifyRefresh(c.Replaces)
	if err != nil {
		return nil
	}
	r := revocation(old.userID, old.sessionID, repository.EndReplaced, now, old.expiresAt)
	return &repository.Replaced{Revocation: r, Audit: endRecord(c.From, r, old.clientID)}
}

// Presentation is a refresh token that a client shows.
type Presentation struct {
	Token    RawToken
	Delivery Delivery // how it came
	ClientID string
	// UserID is whom the client believes to be; empty if it does not say. It is
	// never the source of an identity, and must agree with the token.
	UserID string
	// Keep asks for an access token only: the refresh token stays.
	Keep bool
	From Origin
}

// Refresh exchanges a refresh token for new tokens, by the rules of
// repository.Session.Present. One read of the database, one call of the session
// store. A refusal is refresh_malformed, refresh_invalid, refresh_expired,
// session_revoked, refresh_reused or account_disabled; trouble is
// store_unavailable and never a refusal.
func (s *Sessions) Refresh(ctx context.Context, p Presentation) (Grant, error) {
	token, err := s.tokens.verifyRefresh(p.Token)
	if err != nil {
		return Grant{}, err
	}
	if p.UserID != "" && p.UserID != token.userID {
		return Grant{}, s.refuse(ctx, p, token, "user_mismatch")
	}
	u, revoked, err := s.store.Users.FindUserOfSession(ctx, token.userID, token.sessionID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return Grant{}, sessionOver(CodeSessionRevoked, "This account no longer exists.")
	case err != nil:
		return Grant{}, storeFailure("find the user of a session", err)
	case u.Disabled:
		return Grant{}, accountDisabled()
	case revoked:
		return Grant{}, sessionRevoked()
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	out, err := s.store.Sessions.PresentSession(ctx, repository.Presentation{
		UserID: token.userID, SessionID: token.sessionID, Gen: token.gen, JTI: token.id,
		Next: s.tokens.keys.successor(token.id), ClientID: p.ClientID, Delivery: p.Delivery,
		Epoch: u.SessionEpoch, Kept: u.KeptSession == token.sessionID, Op: string(newTokenID()), Now: now,
		Rotate: s.policy.Rotate && !p.Keep, Sliding: s.policy.Sliding,
		Debounce: 2 * s.policy.Grace, IdleTTL: s.policy.IdleTTL,
	})
	if err != nil {
		return Grant{}, storeFailure("present a refresh token", err)
	}
	switch out.Outcome {
	case repository.OutcomeRotated, repository.OutcomeKept:
		return s.grant(u, token.sessionID, token.clientID, out)
	case repository.OutcomeUnknown:
		return Grant{}, sessionOver(CodeRefreshInvalid, "The session is not known. Log in again.")
	case repository.OutcomeExpired:
		return Grant{}, refreshExpired()
	case repository.OutcomeRevoked:
		return Grant{}, s.confirm(ctx, p, token, out.Ended, sessionRevoked())
	case repository.OutcomeReuse:
		return Grant{}, s.confirm(ctx, p, token, repository.EndReuse,
			sessionOver(CodeRefreshReused, "This refresh token was used before. The session has been ended for safety; log in again."))
	case repository.OutcomeClientMismatch, repository.OutcomeDeliveryMismatch:
		return Grant{}, s.refuse(ctx, p, token, string(out.Outcome))
	}
	return Grant{}, errors.New("unknown outcome " + string(out.Outcome))
}

// grant mints the tokens that go with an accepted presentation.
func (s *Sessions) grant(u repository.User, sessionID, clientID string, out repository.Presented) (Grant, error) {
	access, accessExpiry, err := s.tokens.access(Subject{
		UserID: u.ID, SessionID: sessionID, ClientID: clientID, Privilege: u.Privilege,
		Scope: out.Scope, AuthTime: out.AuthTime,
	}, strings.Fields(out.AMR))
	if err != nil {
		return Grant{}, err
	}
	refresh, err := s.tokens.refresh(refreshToken{
		userID: u.ID, sessionID: sessionID, clientID: clientID, gen: out.Gen, id: out.JTI,
		issuedAt: out.RotatedAt, expiresAt: out.AbsoluteAt,
	})
	if err != nil {
		return Grant{}, err
	}
	g := Grant{
		User: account(u), Outcome: out.Outcome, Access: access, AccessExpiry: accessExpiry,
		Refresh: refresh, RefreshExpiry: out.IdleAt, SessionExpiry: out.AbsoluteAt,
		RefreshAfter:   refreshAfter(s.now(), accessExpiry),
		RefreshChanged: out.Outcome != repository.OutcomeKept,
	}
	if out.AbsoluteAt.Before(g.RefreshExpiry) {
		g.RefreshExpiry = out.AbsoluteAt
	}
	return g, nil
}

// refreshAfter is when a client should refresh: between 70 and 80 % of the
// access token's life, at random, so that clients do not come all at once.
func refreshAfter(now, expiry time.Time) time.Time {
	life := expiry.Sub(now)
	return now.Add(life*7/10 + spread(life/10)).UTC().Truncate(time.Millisecond)
}

// spread is a random time up to limit, so that clients that came together do not
// come back together.
func spread(limit time.Duration) time.Duration {
	return rand.N(limit + 1) //nolint:gosec // no secret
}

// refuse records a refusal that leaves the session as it is.
func (s *Sessions) refuse(ctx context.Context, p Presentation, token refreshToken, why string) error {
	record := p.From.audit(s.now().UTC().Truncate(time.Microsecond), repository.AuditRefreshRefused, why)
	record.UserID, record.SessionID, record.ClientID = token.userID, token.sessionID, p.ClientID
	if err := s.store.Audits.AppendAudit(ctx, record); err != nil {
		return storeFailure("record a refused refresh", err)
	}
	logEvent(ctx, s.log, record)
	return invalidRefresh(errors.New(why))
}

func sessionRevoked() error {
	return sessionOver(CodeSessionRevoked, "The session has been ended. Log in again.")
}
