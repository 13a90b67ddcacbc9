package service

import (
	"context"
	"errors"

	"latchkey/repository"
)

// noEpoch is the Epoch of a subject whose access token does not have the claim:
// a version before it issued the token.
const noEpoch = -1

// Live is the subject of an access token whose session was found live. Only
// Sessions.State makes one, so that no handler can act for an ended session.
type Live struct {
	Subject
	user   repository.User
	caller repository.Caller
}

// Account is the account of the user.
func (l Live) Account() Account { return account(l.user) }

// callerOf is the caller of a change that the operator may ask for as well: by is
// nil for the operator.
func callerOf(by *Live) repository.Caller {
	if by == nil {
		return repository.Caller{}
	}
	return by.caller
}

// State is the one liveness check: it returns the subject of an access token whose
// session is live. It reads the database alone, so that it answers while the session
// store is unavailable. Session_revoked if the session has ended or the user was
// deleted, account_disabled, token_expired if the user no longer has the privilege
// that the token says, and store_unavailable.
func (s *Sessions) State(ctx context.Context, who Subject) (Live, error) {
	u, ended, err := s.store.Users.FindUserOfSession(ctx, who.UserID, who.SessionID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return Live{}, accountGone()
	case err != nil:
		return Live{}, storeFailure("find the user of a session", err)
	case u.Disabled:
		return Live{}, accountDisabled()
	case ended != "":
		return Live{}, sessionRevoked(ended)
	}
	caller := repository.Caller{UserID: who.UserID, SessionID: who.SessionID, Epoch: who.Epoch}
	if who.Epoch == noEpoch {
		session, err := s.store.Sessions.FindSession(ctx, who.UserID, who.SessionID)
		switch {
		case errors.Is(err, repository.ErrNotFound):
			return Live{}, sessionRevoked("")
		case err != nil:
			return Live{}, storeFailure("find the session of a token", err)
		case session.Ended != "":
			return Live{}, sessionRevoked(session.Ended)
		}
		caller.Epoch = session.Epoch
	}
	switch {
	case !caller.Live(u, ended):
		return Live{}, sessionRevoked("")
	case who.Privilege > u.Privilege:
		return Live{}, privilegeChanged()
	}
	if who.ClientID != ClientAPI {
		if err := s.clientState(ctx, who.ClientID); err != nil {
			return Live{}, err
		}
	}
	return Live{Subject: who, user: u, caller: caller}, nil
}

// clientState refuses the tokens of a client that was deleted or disabled.
func (s *Sessions) clientState(ctx context.Context, id string) error {
	c, err := findClient(ctx, s.store.Clients, id)
	switch {
	case errors.Is(err, repository.ErrNotFound), err == nil && c.Disabled:
		return sessionRevoked("")
	case err != nil:
		return storeFailure("find the client of a token", err)
	}
	return nil
}

// accountGone is of a token whose user was deleted.
func accountGone() error {
	return sessionOver(CodeSessionRevoked, "This account no longer exists.")
}
