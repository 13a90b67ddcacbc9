package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/token"
)

// Logout ends the session of the first of some tokens that verifies: refresh
// tokens of any generation, or access tokens, which may have expired. It answers
// only once the database has it, and says which session that was. Where none
// verifies, or has a session, nothing ends, and that is no error: who asks to be
// logged out is. With a client id it ends only sessions of that client.
func (s *Service) Logout(ctx context.Context, tokens []token.Raw, clientID string, from audit.Origin) (sessionID string, err error) {
	for _, raw := range tokens {
		r, of, err := s.sessionOf(ctx, raw, clientID)
		switch {
		case service.AsError(err).Code == service.CodeStoreUnavailable: // whether it verifies cannot be told now
			return "", err
		case err != nil, clientID != "" && of != clientID:
			continue
		}
		return r.SessionID, s.end(ctx, r, repository.Caller{}, endRecord(from, r, of))
	}
	return "", nil
}

// LogoutBrowser ends the sessions of a browser: those that its host has named, and that
// of the first of some tokens which verifies. It returns which.
func (s *Service) LogoutBrowser(ctx context.Context, named []Ref, tokens []token.Raw, from audit.Origin) (ended []string, err error) {
	now := s.now()
	for _, n := range named {
		r := revocation(n.UserID, n.SessionID, repository.EndLogout, now, s.expiry(ctx, n.UserID, n.SessionID, now))
		if err := s.end(ctx, r, repository.Caller{}, endRecord(from, r, token.ClientAPI)); err != nil {
			return ended, err
		}
		ended = append(ended, n.SessionID)
	}
	id, err := s.Logout(ctx, tokens, "", from)
	if id != "" {
		ended = append(ended, id)
	}
	return ended, err
}

// sessionOf returns how a logout would end the session of a token, and whose client it
// is. By is the OAuth client that asks, or "". Store_unavailable where it cannot be told; any other error means that it ends
// none.
func (s *Service) sessionOf(ctx context.Context, raw token.Raw, by string) (r repository.Revocation, clientID string, err error) {
	now := s.now()
	token, refreshErr := s.tokens.VerifyRefresh(raw)
	if refreshErr == nil {
		return revocation(token.UserID, token.SessionID, repository.EndLogout, now, token.ExpiresAt), token.ClientID, nil
	}
	verify := s.tokens.VerifyLateAccess
	if by != "" { // a client may end what it got for any of its audiences
		verify = s.tokens.VerifyIssued
	}
	subject, accessErr := verify(raw, s.policy.AbsoluteTTL)
	switch {
	case accessErr == nil && subject.SessionID != "":
		expires := s.expiry(ctx, subject.UserID, subject.SessionID, now)
		return revocation(subject.UserID, subject.SessionID, repository.EndLogout, now, expires), subject.ClientID, nil
	case service.AsError(refreshErr).Code == service.CodeStoreUnavailable:
		return r, "", refreshErr
	case accessErr == nil:
		return r, "", service.NewError(service.CodeTokenInvalid, "The token has no session.")
	}
	return r, "", accessErr
}

// SessionOf returns the session of the first of some tokens that verifies, or "".
func (s *Service) SessionOf(tokens []token.Raw) string {
	for _, raw := range tokens {
		if token, err := s.tokens.VerifyRefresh(raw); err == nil {
			return token.SessionID
		}
		if subject, err := s.tokens.VerifyLateAccess(raw, s.policy.AbsoluteTTL); err == nil {
			return subject.SessionID
		}
	}
	return ""
}

// end revokes a session: the write to the database is the commit, the tombstone
// in the session store follows.
func (s *Service) end(ctx context.Context, r repository.Revocation, by repository.Caller, a repository.AuditRecord) error {
	first, err := s.store.Revocations.RevokeSession(ctx, r, by, a)
	switch {
	case errors.Is(err, repository.ErrNotAllowed):
		return service.PrivilegeChanged()
	case err != nil:
		return service.StoreFailure("revoke a session", err)
	}
	if first {
		s.audit.Committed(ctx, a)
	}
	if before := s.tombstone(ctx, r); first && before == repository.EndReuse {
		// A reuse that the database has not heard of: this revocation stands in
		// its place, so its record must be written here.
		a.ID, a.Event, a.Outcome = service.NewID(), repository.AuditRefreshReused, string(before)
		_ = s.audit.Write(ctx, a) // the session has ended whether the record is stored or not
	}
	return nil
}

// RevokeByCode ends the session that a client got for an authorization code, since the code was sent
// again (RFC 6749 4.1.2).
func (s *Service) RevokeByCode(ctx context.Context, userID, sessionID, clientID string, from audit.Origin) error {
	now := s.now()
	r := revocation(userID, sessionID, repository.EndCodeReused, now, now.Add(s.policy.AbsoluteTTL))
	return s.end(ctx, r, repository.Caller{}, endRecord(from, r, clientID))
}

// LongestSession is more than any session lives, whatever the settings were when
// it began.
const LongestSession = 3650 * 24 * time.Hour

// expiry is when the tokens of a session are void, or a time after that if the
// session store does not tell.
func (s *Service) expiry(ctx context.Context, userID, sessionID string, now time.Time) time.Time {
	session, err := s.store.Sessions.FindSession(ctx, userID, sessionID)
	if err != nil {
		return now.Add(LongestSession)
	}
	return session.AbsoluteAt
}

// confirmTimeout bounds the write to the database after a reuse.
const confirmTimeout = 2 * time.Second

// confirm writes to the database what the session store found or did: a session
// that ended there and not yet here. It returns the answer for the client, or
// why it could not be written; the next presentation tries again.
func (s *Service) confirm(ctx context.Context, p RefreshRequest, token token.Refresh, reason repository.EndReason, answer error) error {
	if reason == "" { // the epoch ended it, and that is in the database
		return answer
	}
	// A thief who hangs up must not put the alarm off.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), confirmTimeout)
	defer cancel()
	now := s.now()
	r := revocation(token.UserID, token.SessionID, reason, now, token.ExpiresAt)
	a := endRecord(p.From, r, token.ClientID)
	first, err := s.store.Revocations.RevokeSession(ctx, r, repository.Caller{}, a)
	if err != nil {
		return service.StoreFailure("confirm the end of a session", err)
	}
	if first {
		s.audit.Committed(ctx, a)
	}
	s.tombstone(ctx, r) // which need not be kept for as long any more
	return answer
}

// tombstone marks a session as ended where refreshes look first. Its failure
// undoes nothing: the database refuses the session anyway. It returns why the
// session had ended before.
func (s *Service) tombstone(ctx context.Context, r repository.Revocation) (before EndReason) {
	before, err := s.store.Sessions.EndSession(ctx, repository.Ending{
		UserID: r.UserID, SessionID: r.SessionID, Reason: r.Reason, OperationID: string(token.NewID()), Now: r.At,
	})
	s.warn(ctx, r.UserID, err)
	return before
}

func (s *Service) warn(ctx context.Context, userID string, err error) {
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "tombstone not written; the revocation is in the database",
			slog.String("user", userID), slog.Any("error", err))
	}
}

func revocation(userID, sessionID string, reason repository.EndReason, now, expires time.Time) repository.Revocation {
	return repository.Revocation{UserID: userID, SessionID: sessionID, Reason: reason, At: now, ExpiresAt: expires}
}

func endRecord(from audit.Origin, r repository.Revocation, clientID string) repository.AuditRecord {
	event := repository.AuditSessionEnded
	if r.Reason == repository.EndReuse {
		event = repository.AuditRefreshReused
	}
	a := from.Record(r.At, event, string(r.Reason))
	a.UserID, a.SessionID, a.ClientID = r.UserID, r.SessionID, clientID
	return a
}

// sessionRevoked says that a session is over. A browser whose log-in has replaced
// it has the cookies of the new one: a late answer must not make it forget them.
func sessionRevoked(why EndReason) error {
	return &service.Error{
		Code: service.CodeSessionRevoked, Message: "The session has ended. Log in again.", SessionOver: why != repository.EndReplaced,
	}
}
