package oauth

import (
	"cmp"
	"context"

	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/token"
)

// Introspection is the introspection response for an active token (RFC 7662 2.2).
type Introspection struct {
	Active    bool
	Subject   string
	Username  string
	ClientID  string
	SessionID string
	TokenID   string
	Scope     string
	TokenType string // Bearer; empty for a refresh token
	Privilege *int   // the user's current privilege
	Actor     string
	IssuedAt  int64
	ExpiresAt int64
	Audience  string
}

// Introspect returns the current state of a token. An active token verifies, its session is live,
// and its user is enabled. Only its own client may introspect a refresh token. It returns
// store_unavailable if a token cannot be checked, instead of reporting it as inactive.
func (o *Server) Introspect(ctx context.Context, by AuthenticatedClient, raw token.Raw) (Introspection, error) {
	subject, accessErr := o.tokens.VerifyIssued(raw, 0)
	if accessErr == nil {
		return o.current(ctx, subject, Introspection{TokenType: "Bearer", Scope: subject.Scope, Actor: subject.Actor})
	}
	refresh, err := o.tokens.VerifyRefresh(raw)
	for _, err := range []error{accessErr, err} {
		if service.AsError(err).Code == service.CodeStoreUnavailable { // cannot be verified now
			return Introspection{}, err
		}
	}
	if err != nil || refresh.ClientID != by.record.ID {
		return Introspection{}, nil
	}
	preview, err := o.sessions.Preview(ctx, refresh)
	if err != nil || !preview.Accepted() {
		return Introspection{}, err
	}
	return o.current(ctx, token.Subject{
		UserID: refresh.UserID, SessionID: refresh.SessionID, ClientID: refresh.ClientID, TokenID: string(refresh.JTI), Epoch: token.NoEpoch,
		Audience: o.tokens.Issuer(), IssuedAt: refresh.IssuedAt, ExpiresAt: refresh.ExpiresAt,
	}, Introspection{})
}

// current completes the state of a token with the current state of its client, user and session.
func (o *Server) current(ctx context.Context, s token.Subject, state Introspection) (Introspection, error) {
	u, err := o.sessions.Current(ctx, s)
	switch {
	case err != nil && service.AsError(err).SessionOver, err != nil && service.AsError(err).Code == service.CodeAccountDisabled:
		return Introspection{}, nil
	case err != nil:
		return Introspection{}, err
	case s.UserID != "":
		state.Username, state.Privilege = u.Username, &u.Privilege
	}
	state.Active, state.Subject, state.ClientID, state.SessionID = true, cmp.Or(s.UserID, s.ClientID), s.ClientID, s.SessionID
	state.TokenID, state.Audience = s.TokenID, s.Audience
	state.IssuedAt, state.ExpiresAt = s.IssuedAt.Unix(), s.ExpiresAt.Unix()
	return state, nil
}

// Revoke revokes the session of a token of this client (RFC 7009 2.1): a refresh token of any
// generation, or an access token. For any other token it does nothing and returns no error.
func (o *Server) Revoke(ctx context.Context, by AuthenticatedClient, raw token.Raw, from audit.Origin) error {
	_, err := o.sessions.Logout(ctx, []token.Raw{raw}, by.record.ID, from)
	return err
}
