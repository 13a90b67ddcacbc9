package session

import (
	"context"
	"errors"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/token"
)

// Live is the subject of an access token whose session was found live. Only
// Sessions.State makes one, so that no handler can act for an ended session.
type Live struct {
	token.Subject
	user   repository.User
	caller repository.Caller
}

// Account is the account of the user.
func (l Live) Account() account.Account { return account.Of(l.user) }

// Caller returns the user as one who asks for a change.
func (l Live) Caller() account.Caller {
	return account.Caller{Caller: l.caller, Privilege: l.Privilege}
}

// State is the one liveness check: it returns the subject of an access token whose
// session is live. It reads the database alone, so that it answers while the session
// store is unavailable. Session_revoked if the session has ended or the user was
// deleted, account_disabled, token_expired if the user no longer has the privilege
// that the token says, and store_unavailable.
func (s *Service) State(ctx context.Context, who token.Subject) (Live, error) {
	u, err := s.liveUser(ctx, who.UserID, who.SessionID)
	if err != nil {
		return Live{}, err
	}
	caller := repository.Caller{UserID: who.UserID, SessionID: who.SessionID, Epoch: who.Epoch}
	if who.Epoch == token.NoEpoch {
		session, err := s.store.Sessions.FindSession(ctx, who.UserID, who.SessionID)
		switch {
		case errors.Is(err, repository.ErrNotFound):
			return Live{}, sessionRevoked("")
		case err != nil:
			return Live{}, service.StoreFailure("find the session of a token", err)
		case session.Ended != "":
			return Live{}, sessionRevoked(session.Ended)
		}
		caller.Epoch = session.Epoch
	}
	switch {
	case !caller.Live(u, ""):
		return Live{}, sessionRevoked("")
	case who.Privilege > u.Privilege:
		return Live{}, service.PrivilegeChanged()
	}
	if who.ClientID != token.ClientAPI {
		if err := s.clientState(ctx, who.ClientID); err != nil {
			return Live{}, err
		}
	}
	return Live{Subject: who, user: u, caller: caller}, nil
}

// liveUser is the one liveness check of the database: it returns the user of a session that has not
// been ended, or with an empty sessionID the user of a token without a session. Session_revoked if
// the session was ended or the user was deleted, account_disabled, store_unavailable.
func (s *Service) liveUser(ctx context.Context, userID, sessionID string) (u repository.User, err error) {
	var ended repository.EndReason
	if sessionID == "" {
		u, err = s.store.Users.FindUserByID(ctx, userID)
	} else {
		u, ended, err = s.store.Users.FindUserOfSession(ctx, userID, sessionID)
	}
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return repository.User{}, service.AccountGone()
	case err != nil:
		return repository.User{}, service.StoreFailure("find the user of a token", err)
	case u.Disabled:
		return u, service.AccountDisabled()
	case ended != "":
		return u, sessionRevoked(ended)
	}
	return u, nil
}

// Current returns the account that a token speaks for at this moment, which is empty for the token of
// a client on its own behalf. Session_revoked if the session, the user or the client is
// gone, account_disabled, store_unavailable. What the token says of a privilege is not checked.
func (s *Service) Current(ctx context.Context, who token.Subject) (account.Account, error) {
	if who.UserID == "" {
		return account.Account{}, s.clientState(ctx, who.ClientID)
	}
	if who.SessionID == "" {
		u, err := s.liveUser(ctx, who.UserID, "")
		return account.Of(u), err
	}
	who.Privilege = repository.PrivilegeUser
	live, err := s.State(ctx, who)
	return live.Account(), err
}

// clientState refuses the tokens of a client that was deleted or disabled.
func (s *Service) clientState(ctx context.Context, id string) error {
	c, err := FindClient(ctx, s.store.Clients, id)
	switch {
	case errors.Is(err, repository.ErrNotFound), err == nil && c.Disabled:
		return sessionRevoked("")
	case err != nil:
		return service.StoreFailure("find the client of a token", err)
	}
	return nil
}
