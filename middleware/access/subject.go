package access

import (
	"context"

	"latchkey/service"
	"latchkey/service/token"
)

// Subject is the verified content of an access token:
//
//	UserID     the user; empty: the token of a client on its own behalf
//	SessionID  the login session; empty: a token without a session
//	ClientID   the OAuth client; "latchkey": the JSON API
//	TokenID    the jti
//	Actor      an administrator who acts in the place of the user (RFC 8693 4.1); empty: the user
//	Privilege  0, 1 or 2
//	Scope      the scopes, separated by spaces
//	Epoch      the session epoch of the user; NoEpoch: the token does not have the claim
//	AuthTime   the time of the login; zero: a token without a login
//	Audience   the first aud
//	IssuedAt, ExpiresAt
type Subject = token.Subject

// RawToken is an access token as the client sent it. It does not appear in logs.
type RawToken = token.Raw

// Error is the error of a guard and of a Verifier. Its Code is stable: token_missing,
// token_malformed, token_invalid, token_expired, session_revoked, privilege_denied,
// insufficient_scope, insufficient_user_authentication, csrf_denied or store_unavailable.
type Error = service.Error

// authenticated is what a guard knows of a request that it accepted. Another guard, which may
// require another issuer or audience, does not rely on it.
type authenticated struct {
	by      *Guard
	subject Subject
}

type authenticatedKey struct{}

// FromContext returns the subject of the access token of a request. It returns false if no guard
// accepted one.
func FromContext(ctx context.Context) (Subject, bool) {
	a, ok := ctx.Value(authenticatedKey{}).(authenticated)
	return a.subject, ok
}
