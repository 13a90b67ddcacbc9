package repository

// Caller is the user whose access token asks for a change, and the session and
// the epoch under which that token was issued. A method that takes a Caller
// makes its change only if the session is live at that moment, else it returns
// ErrNotAllowed. Live means: the user is enabled, the session is not revoked, and
// either Epoch is the user's SessionEpoch or the session is the user's
// KeptSession.
//
// The zero Caller is an operator, or a call whose right follows from something
// else than an access token. It needs no session.
type Caller struct {
	UserID    string
	SessionID string
	Epoch     int64
}

// Live reports whether the session of a caller is live, by its user and the
// reason for which the database has revoked it, or "".
func (c Caller) Live(u User, ended EndReason) bool {
	return !u.Disabled && ended == "" && c.SessionID != "" && (c.Epoch == u.SessionEpoch || c.SessionID == u.KeptSession)
}
