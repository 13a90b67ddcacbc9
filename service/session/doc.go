// Package session implements the refresh token protocol: it starts, refreshes, lists and revokes
// login sessions. The pure function repository.Session.Refresh decides the outcome of a refresh
// request, and every store runs it inside one transition. This package calls it, explains the
// outcome, and issues the new tokens.
//
//	Start ──► Refresh ──► Refresh ──► … ──► Logout, Revoke, expiry, or reuse
//
// Service.State checks a verified access token against the current state of its user, session and
// client.
package session
