package service

import (
	"cmp"
	"context"
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
// token tells its own client only. Its error is store_unavailable: a token that
// cannot be looked up is not called inactive.
func (o *OAuth) Introspect(ctx context.Context, by AuthenticatedClient, raw RawToken) (TokenState, error) {
	subject, accessErr := o.tokens.VerifyIssued(raw, 0)
	if accessErr == nil {
		return o.current(ctx, subject, TokenState{TokenType: "Bearer", Scope: subject.Scope, Actor: subject.Actor})
	}
	refresh, err := o.tokens.VerifyRefresh(raw)
	for _, err := range []error{accessErr, err} {
		if AsError(err).Code == CodeStoreUnavailable { // whether it verifies cannot be told now
			return TokenState{}, err
		}
	}
	if err != nil || refresh.ClientID != by.record.ID {
		return TokenState{}, nil
	}
	preview, err := o.sessions.Preview(ctx, refresh)
	if err != nil || !preview.Accepted() {
		return TokenState{}, err
	}
	return o.current(ctx, Subject{
		UserID: refresh.UserID, SessionID: refresh.SessionID, ClientID: refresh.ClientID, TokenID: string(refresh.ID), Epoch: NoEpoch,
		Audience: o.tokens.Issuer(), IssuedAt: refresh.IssuedAt, ExpiresAt: refresh.ExpiresAt,
	}, TokenState{})
}

// current completes the state of a token by what the stores say of its client, user and session.
func (o *OAuth) current(ctx context.Context, s Subject, state TokenState) (TokenState, error) {
	u, err := o.sessions.Current(ctx, s)
	switch {
	case err != nil && AsError(err).SessionOver, err != nil && AsError(err).Code == CodeAccountDisabled:
		return TokenState{}, nil
	case err != nil:
		return TokenState{}, err
	case s.UserID != "":
		state.Username, state.Privilege = u.Username, &u.Privilege
	}
	state.Active, state.Subject, state.ClientID, state.SessionID = true, cmp.Or(s.UserID, s.ClientID), s.ClientID, s.SessionID
	state.TokenID, state.Audience = s.TokenID, s.Audience
	state.IssuedAt, state.ExpiresAt = s.IssuedAt.Unix(), s.ExpiresAt.Unix()
	return state, nil
}

// Revoke ends the session of a token of this client (RFC 7009 2.1): a refresh
// token of any generation, or an access token. Any other token ends nothing, and
// that is no error.
func (o *OAuth) Revoke(ctx context.Context, by AuthenticatedClient, raw RawToken, from Origin) error {
	_, err := o.sessions.Logout(ctx, []RawToken{raw}, by.record.ID, from)
	return err
}
