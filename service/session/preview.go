package session

import (
	"context"
	"errors"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/token"
)

// Preview is the predicted result of a refresh. A preview changes nothing.
type Preview struct {
	Found
	// Outcome is the outcome that the session store would return; empty: the refresh is refused
	// earlier.
	Outcome repository.Outcome
	// After is the session after the refresh.
	After repository.Session
}

// Accepted reports whether the refresh would return tokens.
func (p Preview) Accepted() bool { return p.Refusal == nil && p.Outcome.Accepted() }

// Found is a session and its user, with the state from both stores.
type Found struct {
	User    repository.User
	Session repository.Session
	// Refusal is the reason that no token of the session is accepted, whatever its policy: the user
	// is deleted or disabled, or the session was revoked. Session is empty then. Otherwise Refusal
	// is nil.
	Refusal error
	Known   bool // the session store has the session
}

// Find returns a session and its user. It returns store_unavailable if a store cannot be read.
func (s *Service) Find(ctx context.Context, userID, sessionID string) (Found, error) {
	u, err := s.liveUser(ctx, userID, sessionID)
	if err != nil {
		if code := service.AsError(err).Code; code == service.CodeSessionRevoked || code == service.CodeAccountDisabled {
			return Found{User: u, Refusal: err}, nil
		}
		return Found{}, err
	}
	session, err := s.store.Sessions.FindSession(ctx, userID, sessionID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return Found{User: u}, nil
	case err != nil:
		return Found{}, service.StoreFailure("find a session", err)
	}
	return Found{User: u, Session: session, Known: true}, nil
}

// Preview applies the rules of a refresh to a copy of the session of a token. It assumes that the
// client of the token sends it, by the delivery of the session.
func (s *Service) Preview(ctx context.Context, token token.Refresh) (Preview, error) {
	found, err := s.Find(ctx, token.UserID, token.SessionID)
	p := Preview{Found: found}
	switch {
	case err != nil || found.Refusal != nil:
		return p, err
	case !found.Known:
		p.Outcome = repository.OutcomeUnknown
		return p, nil
	}
	call := s.request(RefreshRequest{Client: ClientPolicy{ClientID: token.ClientID}, Delivery: found.Session.Delivery}, token, found.User)
	p.After, p.Outcome = found.Session.Refresh(call)
	if p.Outcome.Question() {
		call.Proof = s.tokens.Prove(found.Session.Result(p.Outcome), token)
		p.After, p.Outcome = found.Session.Refresh(call)
	}
	return p, nil
}
