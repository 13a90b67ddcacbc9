package repository

// Caller identifies the access token that requests a change: its user, and the session and
// epoch for which it was issued. A method that takes a Caller makes its change only if the
// session is live at that moment; otherwise it returns ErrNotAllowed. A session is live if
// the user is enabled, the session is not revoked, and either Epoch is the user's
// SessionEpoch or the session is the user's ExceptSession.
//
// The zero Caller is an operator, or a call that is authorized by something other than an
// access token. It needs no session.
type Caller struct {
	UserID    string
	SessionID string
	Epoch     int64
}

// Needs returns the privilege that a change to the sessions of a user requires: an administrator's,
// unless the caller is the user.
func (c Caller) Needs(userID string) int {
	if c.UserID == userID {
		return PrivilegeUser
	}
	return PrivilegeAdministrator
}

// Live reports whether the session of the caller is live. It takes the user of the session
// and the reason for its revocation, or "".
func (c Caller) Live(u User, ended EndReason) bool {
	return !u.Disabled && ended == "" && c.SessionID != "" && (c.Epoch == u.SessionEpoch || c.SessionID == u.ExceptSession)
}
