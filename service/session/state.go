package session

import (
	"context"
	"errors"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/token"
)

// Live is the subject of an access token whose session is live. Only Service.State creates one, so
// that no handler can act for an ended session.
type Live struct {
	token.Subject
	user   repository.User
	caller repository.Caller
}

// Account returns the account of the user.
func (l Live) Account() account.Account { return account.Of(l.user) }

// Caller returns the user as the caller of a change.
func (l Live) Caller() account.Caller {
	return account.Caller{Caller: l.caller, Privilege: l.Privilege}
}

// State returns the subject of an access token if its session is live. It is the only check of
// liveness. State reads only the database, so that it works while the session store is unavailable.
// It returns session_revoked if the session has ended or the user was deleted, and account_disabled
// if the user is disabled. It returns token_expired if the user no longer has the privilege in the
// token, and store_unavailable if the database cannot be read.
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

// liveUser returns the user of a session that has not been revoked, or with an empty sessionID the
// user of a token without a session. It is the only check of the database for liveness. It returns
// session_revoked if the session was revoked or the user was deleted, account_disabled if the user
// is disabled, and store_unavailable if the database cannot be read.
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

// Current returns the current account of a token's subject. The account is empty if a client acts
// on its own behalf. It returns session_revoked if the session, the user or the client no longer
// exists, account_disabled if the user is disabled, and store_unavailable. It does not check the
// privilege in the token.
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
