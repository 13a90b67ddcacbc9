package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/mail"
	"latchkey/service/token"
)

// Logout revokes the session of the first token in tokens that verifies: a refresh token of any
// generation, or an access token, which may have expired. With a client ID it revokes only sessions
// of that client. It returns the ID of the session once the database has stored the revocation. If
// no token verifies or none has a session, it returns "" and no error, because the user is already
// logged out.
func (s *Service) Logout(ctx context.Context, tokens []token.Raw, clientID string, from audit.Origin) (sessionID string, err error) {
	for _, raw := range tokens {
		r, of, err := s.sessionOf(ctx, raw, clientID)
		switch {
		case service.AsError(err).Code == service.CodeStoreUnavailable: // cannot be verified now
			return "", err
		case err != nil, clientID != "" && of != clientID:
			continue
		}
		return r.SessionID, s.end(ctx, r, repository.Caller{}, endRecord(from, r, of))
	}
	return "", nil
}

// LogoutBrowser revokes the sessions of a browser: the sessions in named, and the session of the
// first token in tokens that verifies. It returns the IDs of the revoked sessions.
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

// sessionOf returns the revocation with which a logout ends the session of a token, and the client
// of the session. The caller by is the OAuth client that makes the request, or "". It returns
// store_unavailable if the token cannot be verified now. Any other error means that the token has
// no session to revoke.
func (s *Service) sessionOf(ctx context.Context, raw token.Raw, by string) (r repository.Revocation, clientID string, err error) {
	now := s.now()
	token, refreshErr := s.tokens.VerifyRefresh(raw)
	if refreshErr == nil {
		return revocation(token.UserID, token.SessionID, repository.EndLogout, now, token.ExpiresAt), token.ClientID, nil
	}
	verify := s.tokens.VerifyLateAccess
	if by != "" { // a client may revoke tokens for any of its audiences
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

// SessionOf returns the session of the first token in tokens that verifies, or "".
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

// end revokes a session. The write to the database is the commit; the tombstone in the session
// store follows.
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
		// The database has not recorded the reuse. This revocation replaced the one for the reuse,
		// so the reuse must be recorded here.
		a.ID, a.Event, a.Outcome = service.NewID(), repository.AuditRefreshReused, string(before)
		_ = s.audit.Write(ctx, a) // the session has ended even if the record is not stored
	}
	return nil
}

// RevokeByCode revokes the session that a client got for an authorization code, because the code
// was sent again (RFC 6749 4.1.2).
func (s *Service) RevokeByCode(ctx context.Context, userID, sessionID, clientID string, from audit.Origin) error {
	now := s.now()
	r := revocation(userID, sessionID, repository.EndCodeReused, now, now.Add(s.policy.AbsoluteTTL))
	return s.end(ctx, r, repository.Caller{}, endRecord(from, r, clientID))
}

// LongestSession is longer than any session can live, whatever the settings at its start.
const LongestSession = 3650 * 24 * time.Hour

// expiry returns when the tokens of a session expire, or a later time if the session store does not
// know.
func (s *Service) expiry(ctx context.Context, userID, sessionID string, now time.Time) time.Time {
	session, err := s.store.Sessions.FindSession(ctx, userID, sessionID)
	if err != nil {
		return now.Add(LongestSession)
	}
	return session.AbsoluteAt
}

// confirmTimeout is the timeout of the write to the database after a reuse.
const confirmTimeout = 2 * time.Second

// confirm writes to the database that a session has ended in the session store. It returns the
// answer for the client, or an error if the write failed; the next refresh request then retries the
// write.
func (s *Service) confirm(ctx context.Context, p RefreshRequest, token token.Refresh, u repository.User, reason repository.EndReason, answer error) error {
	if reason == "" { // the session ended with its epoch, which the database has stored
		return answer
	}
	// An attacker must not suppress the revocation by disconnecting.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), confirmTimeout)
	defer cancel()
	now := s.now()
	r := revocation(token.UserID, token.SessionID, reason, now, token.ExpiresAt)
	a := endRecord(p.From, r, token.ClientID)
	var notice []repository.Message
	if reason == repository.EndReuse {
		notice = s.mail.Notice(mail.TokenReused, u, p.From)
	}
	first, err := s.store.Revocations.RevokeSession(ctx, r, repository.Caller{}, a, notice...)
	if err != nil {
		return service.StoreFailure("confirm the end of a session", err)
	}
	if first {
		s.audit.Committed(ctx, a)
	}
	s.tombstone(ctx, r) // the tombstone can expire earlier now
	return answer
}

// tombstone marks a session as ended in the session store, which refreshes check first. A failure
// has no consequence, because the database refuses the session anyway. It returns why the session
// had ended before.
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

// sessionRevoked returns the error for a revoked session. If a login replaced the session, the
// browser already has new cookies, and a late answer must not make it discard them.
func sessionRevoked(why EndReason) error {
	return &service.Error{
		Code: service.CodeSessionRevoked, Message: "The session has ended. Log in again.", SessionOver: why != repository.EndReplaced,
	}
}
