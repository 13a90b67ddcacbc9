// Package session holds the refresh token protocol: it starts, refreshes, lists and revokes login
// sessions. What a refresh token leads to is decided by repository.Session.Refresh, a pure function
// that every store runs inside one transition; this package calls it, explains the outcome, and
// issues the new tokens.
//
//	Start ──► Refresh ──► Refresh ──► … ──► Logout, Revoke, expiry, or reuse
//
// State is the one check of a verified access token against the current state of its user, session
// and client.
package session
