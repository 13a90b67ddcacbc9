package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/token"
)

// RefreshRequest is a refresh token that a client sends, with its options.
type RefreshRequest struct {
	Token    token.Raw
	Delivery Delivery     // how the token was sent
	Client   ClientPolicy // of the client that sends the token
	// Scope requests an access token with a narrower scope; empty: the scope of the session.
	Scope string
	// UserID is the user ID that the client expects; empty: not sent. It must match the token, and
	// is never used as an identity.
	UserID string
	// Keep requests an access token only: the refresh token stays the same.
	Keep bool
	From audit.Origin
}

// Refresh exchanges a refresh token for new tokens, by the rules of repository.Session.Refresh. It
// makes one read of the database and one call of the session store. It refuses a token with
// refresh_malformed, refresh_invalid, refresh_expired, session_revoked, refresh_reused or
// account_disabled. A failure of a store is store_unavailable and never a refusal.
func (s *Service) Refresh(ctx context.Context, p RefreshRequest) (TokenSet, error) {
	if err := s.clock.Err(); err != nil {
		return TokenSet{}, err
	}
	token, err := s.tokens.VerifyRefresh(p.Token)
	if err != nil {
		return TokenSet{}, s.ifExpired(err)
	}
	if p.Keep && !s.policy.HeaderKeeps {
		return TokenSet{}, &service.Error{
			Code: service.CodeRefreshInvalid, Message: "rtVerify does not accept a refresh token in a header. Use refresh.",
			Err: errors.New("refresh.header_rtverify is off"),
		}
	}
	if p.UserID != "" && p.UserID != token.UserID {
		return TokenSet{}, s.refuse(ctx, p, token, "user_mismatch")
	}
	if p.Delivery == DeliveryForeign {
		return TokenSet{}, s.refuse(ctx, p, token, string(repository.OutcomeDeliveryMismatch))
	}
	u, err := s.liveUser(ctx, token.UserID, token.SessionID)
	if err != nil {
		if service.AsError(err).Code == service.CodeSessionRevoked {
			s.counts.Add(repository.OutcomeRevoked)
		}
		return TokenSet{}, err
	}
	if err := s.checkNarrower(ctx, p, token); err != nil {
		return TokenSet{}, err
	}
	out, forked, err := s.present(ctx, p, token, u)
	if err != nil {
		return TokenSet{}, service.StoreFailure("refresh a session", err)
	}
	s.counts.Add(out.Outcome)
	switch out.Outcome {
	case repository.OutcomeRotated, repository.OutcomeKept, repository.OutcomeReplayed:
		s.log.LogAttrs(ctx, slog.LevelDebug, "refresh", slog.String("outcome", string(out.Outcome)), slog.String("session", token.SessionID))
	case repository.OutcomeRecovered:
		s.record(ctx, p, token, repository.AuditRecovered, "ok")
	case repository.OutcomeRolledForward:
		outcome := "ok"
		if forked {
			outcome = audit.OutcomeForked
		}
		s.record(ctx, p, token, repository.AuditRolledForward, outcome)
	case repository.OutcomeUnknown:
		// The browser keeps its cookies: an empty Redis, or the wrong one, may be replaced.
		return TokenSet{}, service.NewError(service.CodeRefreshInvalid, "The session is unknown. Log in again.")
	case repository.OutcomeExpired:
		return TokenSet{}, s.ifExpired(service.RefreshExpired())
	case repository.OutcomeRevoked:
		return TokenSet{}, s.confirm(ctx, p, token, u, out.Ended, sessionRevoked(out.Ended))
	case repository.OutcomeReuse:
		return TokenSet{}, s.confirm(ctx, p, token, u, repository.EndReuse,
			&service.Error{
				Code: service.CodeRefreshReused, SessionOver: true,
				Message: "This refresh token was used before, so the session was ended. Log in again.",
			})
	case repository.OutcomeClientMismatch, repository.OutcomeDeliveryMismatch:
		return TokenSet{}, s.refuse(ctx, p, token, string(out.Outcome))
	case repository.OutcomeGraceExhausted:
		return TokenSet{}, &service.Error{
			Code: service.CodeRateLimited, Message: "This refresh token was superseded and has been sent too often since. Use the new token.",
			RetryAfter: s.policy.Grace,
		}
	case repository.OutcomeLate:
		s.log.LogAttrs(ctx, slog.LevelInfo, "refresh", slog.String("outcome", string(out.Outcome)), slog.String("session", token.SessionID))
		return TokenSet{}, &service.Error{
			Code: service.CodeStoreUnavailable, Message: "The request was delayed too long. Send it again.", RetryAfter: time.Second,
			Err: errors.New("late: the token was superseded, and the call may be older than its successor"),
		}
	case repository.OutcomeAhead, repository.OutcomeRecoverable:
		return TokenSet{}, service.StoreFailure("refresh a session", fmt.Errorf("%w: the session kept changing", repository.ErrUnavailable))
	}
	grant := s.grant
	if p.Keep {
		grant = s.grantAccess
	}
	g, err := grant(u, token.SessionID, p.Client, out, p.Scope)
	g.RefreshChanged = out.Gen != token.Gen
	return g, err
}

// checkNarrower refuses a scope that the session does not have (RFC 6749 6), before any change.
func (s *Service) checkNarrower(ctx context.Context, p RefreshRequest, token token.Refresh) error {
	if p.Scope == "" {
		return nil
	}
	session, err := s.store.Sessions.FindSession(ctx, token.UserID, token.SessionID)
	switch {
	case errors.Is(err, repository.ErrNotFound), err == nil && session.ClientID != p.Client.ClientID:
		return nil // RefreshSession refuses the token with the reason
	case err != nil:
		return service.StoreFailure("find the scope of a session", err)
	case !ScopeWithin(p.Scope, session.Scope):
		return service.NewError(service.CodeInvalidScope, "The scope is wider than the scope of the session.")
	}
	return nil
}

// ifExpired confirms the end of an expired session only if the clock is good, because a browser
// then discards its cookies.
func (s *Service) ifExpired(err error) error {
	var e *service.Error
	if errors.As(err, &e) && e.Code == service.CodeRefreshExpired {
		expired := *e
		expired.SessionOver = s.clock.Good()
		return &expired
	}
	return err
}

// present sends a token to the session store. If the store asks a question it sends the token again
// with a proof, because the store cannot compute the chain of token IDs. The result forked reports
// a token that is ahead of the live one but was issued earlier.
func (s *Service) present(ctx context.Context, p RefreshRequest, token token.Refresh, u repository.User) (out repository.RefreshResult, forked bool, err error) {
	call := s.request(p, token, u)
	out, err = s.store.Sessions.RefreshSession(ctx, call)
	for range maxQuestions {
		if err != nil || !out.Outcome.Question() {
			break
		}
		forked = out.Outcome == repository.OutcomeAhead && token.IssuedAt.Before(out.RotatedAt.Truncate(time.Second))
		call.Proof = s.tokens.Prove(out, token)
		out, err = s.store.Sessions.RefreshSession(ctx, call)
	}
	return out, forked, err
}

// request returns the first request to the store.
func (s *Service) request(p RefreshRequest, raw token.Refresh, u repository.User) repository.RefreshRequest {
	return repository.RefreshRequest{
		RefreshToken: raw.RefreshToken,
		Next:         s.tokens.Successor(raw.JTI), ClientID: p.Client.ClientID, Delivery: p.Delivery, Epoch: u.SessionEpoch,
		ExceptSession: u.ExceptSession == raw.SessionID, OperationID: string(token.NewID()), Now: s.now(), Keep: p.Keep,
		Rotate: s.policy.Rotate, Sliding: s.policy.Sliding, Grace: s.policy.Grace, Debounce: 2 * s.policy.Grace,
		Recovery: s.policy.Recovery, IdleTTL: Shorter(p.Client.IdleTTL, s.policy.IdleTTL), ClockLimit: s.clock.Limit(), Woken: s.clock.Woken(),
	}
}

// maxQuestions is how many times present answers a question, because the session may change between
// a question and its answer.
const maxQuestions = 4

// refuse records a refusal that does not change the session. It records it once a minute, because a
// client can send the token any number of times.
func (s *Service) refuse(ctx context.Context, p RefreshRequest, token token.Refresh, why string) error {
	record := p.From.Record(s.now(), repository.AuditRefreshRefused, why)
	record.UserID, record.SessionID, record.ClientID = token.UserID, token.SessionID, p.Client.ClientID
	record = audit.OnceAMinute(record, token.SessionID)
	if err := s.audit.Write(ctx, record); err != nil {
		return err
	}
	return service.InvalidRefresh(errors.New(why))
}

// record records an accepted refresh that is not routine. The tokens are issued even if that fails:
// the session has already changed, and the log has the same information.
func (s *Service) record(ctx context.Context, p RefreshRequest, token token.Refresh, event repository.AuditEvent, outcome string) {
	record := p.From.Record(s.now(), event, outcome)
	record.UserID, record.SessionID, record.ClientID = token.UserID, token.SessionID, token.ClientID
	_ = s.audit.Write(ctx, record)
}
