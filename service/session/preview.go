package session

import (
	"context"
	"errors"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/token"
)

// Preview is what a refresh would come to now. Nothing changes by it.
type Preview struct {
	Found
	// Outcome is what the session store would answer; empty where the refresh is refused before.
	Outcome repository.Outcome
	// After is the session as the refresh would leave it.
	After repository.Session
}

// Accepted reports whether the refresh would give tokens.
func (p Preview) Accepted() bool { return p.Refusal == nil && p.Outcome.Accepted() }

// Found is a session and its user, as both stores have them.
type Found struct {
	User    repository.User
	Session repository.Session
	// Refusal says why no token of the session is accepted, before its rules are asked: the
	// user is gone or disabled, or the session was ended. Then there is no Session. Nil otherwise.
	Refusal error
	Known   bool // the session store has the session
}

// Find returns a session and its user. Its error is store_unavailable.
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

// Preview applies the rules of a refresh to a copy of the session of a token. The client of the
// token is the one that sends it, the way that the session's tokens travel.
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
	call := s.presentation(RefreshRequest{Client: ClientPolicy{ClientID: token.ClientID}, Delivery: found.Session.Delivery}, token, found.User)
	p.After, p.Outcome = found.Session.Refresh(call)
	if p.Outcome.Question() {
		call.Proof = s.tokens.Prove(found.Session.Result(p.Outcome), token)
		p.After, p.Outcome = found.Session.Refresh(call)
	}
	return p, nil
}
