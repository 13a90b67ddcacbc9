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
	accessErr := o.tokens.verify(o.tokens.keys.KeySet(), raw, &c, UseAccess, anyAudience, now, 0)
	if accessErr == nil {
		if !now.Before(seconds(c.ExpiresAt)) {
			return TokenState{}, nil
		}
		state := o.stateOf(c)
		state.TokenType, state.Audience = "Bearer", c.audiences[0]
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
	_ = o.tokens.verify(o.tokens.keys.KeySet(), raw, &c, UseRefresh, o.tokens.issuer, now, 0) // it did a moment ago
	return o.current(ctx, o.stateOf(c), c)
}

func (o *OAuth) stateOf(c claims) TokenState {
	return TokenState{
		Active: true, Subject: c.Subject, ClientID: c.ClientID, SessionID: c.SessionID, TokenID: c.TokenID, Scope: c.Scope,
		IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt, Audience: o.tokens.issuer,
	}
}

// current completes a state by what the stores say of its client, user and session.
func (o *OAuth) current(ctx context.Context, state TokenState, c claims) (TokenState, error) {
	subject := c.subject()
	u, err := o.userOf(ctx, subject)
	switch {
	case err != nil && AsError(err).SessionOver, err != nil && AsError(err).Code == CodeAccountDisabled:
		return TokenState{}, nil
	case err != nil:
		return TokenState{}, err
	case subject.UserID != "":
		state.Username, state.Privilege, state.Actor = u.Username, &u.Privilege, subject.Actor
	}
	return state, nil
}

// userOf returns the user of a token that is worth something at this moment; no
// user for a client's own. A refusal has SessionOver, or is account_disabled.
func (o *OAuth) userOf(ctx context.Context, subject Subject) (repository.User, error) {
	switch {
	case subject.UserID == "":
		return repository.User{}, o.sessions.clientState(ctx, subject.ClientID)
	case subject.SessionID != "":
		subject.Privilege = repository.PrivilegeUser // what the token says of it is not asked
		live, err := o.sessions.State(ctx, subject)
		return live.user, err
	}
	u, err := o.store.Users.FindUserByID(ctx, subject.UserID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return u, accountGone()
	case err != nil:
		return u, storeFailure("find the user of a token", err)
	case u.Disabled:
		return u, accountDisabled()
	}
	return u, nil
}

// Revoke ends the session of a token of this client (RFC 7009 2.1): a refresh
// token of any generation, or an access token. Any other token ends nothing, and
// that is no error.
func (o *OAuth) Revoke(ctx context.Context, by AuthenticatedClient, raw RawToken, from Origin) error {
	_, err := o.sessions.Logout(ctx, []RawToken{raw}, by.record.ID, from)
	return err
}
