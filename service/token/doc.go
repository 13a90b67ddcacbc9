// Package token mints and verifies access tokens and refresh tokens. It does no I/O:
// package session checks whether a session is live, and repository.Session.Refresh decides whether
// a refresh token was reused.
//
//	Minter    signs access tokens and refresh tokens
//	Verifier  checks access tokens, also in other programs (package access)
//	chain     derives the token ID of each generation of a refresh token
package token
