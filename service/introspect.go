package service

import (
	"context"
	"errors"

	"latchkey/repository"
)

// TokenState is what introspection says of an active token (RFC 7662 2.2).
type TokenState struct {
	Active    bool
	Subject   string
	Username  string
	ClientID  string
	SessionID string
	TokenID   string
	Scope     string
	TokenType string // Bearer; empty for a refresh token
	Privilege *int   // of a user, now
	Actor     string
	IssuedAt  int64
	ExpiresAt int64
	Audience  string
}

// Introspect says what a token is worth at this moment: not only whether it
// verifies, but whether its session lives and its user is enabled. A refresh
// token tells its own client only. Its error is trouble of a store: nothing that
// cannot be looked up is called inactive.
func (o *OAuth) Introspect(ctx context.Context, by AuthenticatedClient, raw RawToken) (TokenState, error) {
	now := o.sessions.now()
	var c claims
	accessErr := o.tokens.verify(o.tokens.keys.KeySet(), raw, &c, UseAccess, now, 0)
	if accessErr == nil {
		if !now.Before(seconds(c.ExpiresAt)) {
			return TokenState{}, nil
		}
		state := o.stateOf(c)
		state.TokenType, state.Audience = "Bearer", o.tokens.audience
		return o.current(ctx, state, c)
	}
	token, err := o.tokens.verifyRefresh(raw)
	for _, err := range []error{accessErr, err} {
		if AsError(err).Code == CodeStoreUnavailable { // whether it verifies cannot be told now
			return TokenState{}, err
		}
	}
	if err != nil || token.clientID != by.record.ID {
		return TokenState{}, nil
	}
	var in Inspection
	if err := o.sessions.foresee(ctx, token, &in); err != nil {
		return TokenState{}, err
	}
	if !repository.Outcome(in.Outcome).Accepted() {
		return TokenState{}, nil
	}
	_ = o.tokens.verify(o.tokens.keys.KeySet(), raw, &c, UseRefresh, now, 0) // it did a moment ago
	return o.current(ctx, o.stateOf(c), c)
}

func (o *OAuth) stateOf(c claims) TokenState {
	return TokenState{
		Active: true, Subject: c.Subject, ClientID: c.ClientID, SessionID: c.SessionID, TokenID: c.TokenID, Scope: c.Scope,
		IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt, Audience: o.tokens.issuer,
	}
}

// current completes a state by what the stores say of its user and session.
func (o *OAuth) current(ctx context.Context, state TokenState, c claims) (TokenState, error) {
	subject := c.subject()
	if subject.ClientID != ClientAPI {
		found, err := findClient(ctx, o.store.Clients, subject.ClientID)
		if errors.Is(err, repository.ErrNotFound) || err == nil && found.Disabled {
			return TokenState{}, nil
		}
		if err != nil {
			return TokenState{}, storeFailure("find the client of a token", err)
		}
	}
	if subject.UserID == "" { // a client on its own behalf
		return state, nil
	}
	u, ended, err := o.store.Users.FindUserOfSession(ctx, subject.UserID, subject.SessionID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return TokenState{}, nil
	case err != nil:
		return TokenState{}, storeFailure("find the user of a token", err)
	case u.Disabled || ended != "":
		return TokenState{}, nil
	}
	if subject.SessionID != "" {
		session, err := o.store.Sessions.FindSession(ctx, subject.UserID, subject.SessionID)
		switch {
		case errors.Is(err, repository.ErrNotFound):
			return TokenState{}, nil
		case err != nil:
			return TokenState{}, storeFailure("find the session of a token", err)
		case !session.Live(o.sessions.now(), u.SessionEpoch, u.KeptSession):
			return TokenState{}, nil
		}
	}
	state.Username, state.Privilege, state.Actor = u.Username, &u.Privilege, subject.Actor
	return state, nil
}

// Revoke ends the session of a token of this client (RFC 7009 2.1): a refresh
// token of any generation, or an access token. Any other token ends nothing, and
// that is no error.
func (o *OAuth) Revoke(ctx context.Context, by AuthenticatedClient, raw RawToken, from Origin) error {
	_, err := o.sessions.Logout(ctx, []RawToken{raw}, by.record.ID, from)
	return err
}
