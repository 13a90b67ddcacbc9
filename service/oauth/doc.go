// Package oauth is the OAuth 2.0 authorization server: the token endpoint (RFC 6749), authorization
// codes with PKCE (RFC 7636), introspection (RFC 7662), revocation (RFC 7009), and the
// administration of clients.
package oauth
