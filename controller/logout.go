package controller

import (
	"net/http"

	"latchkey/service"
)

type logoutBody struct {
	RefreshToken *string `json:"refreshToken"`
}

// logout is POST /api/users/logout. It takes whichever token of the session is
// at hand, an expired access token as well, and answers 204 whether or not there
// was a session to end: who asks to be logged out is. Only trouble of the
// database is an error, and then the cookies stay.
func (s *server) logout(c *call, body logoutBody) (reply, error) {
	refresh, refreshErr := s.cookies.RefreshToken(c.r, text(body.RefreshToken))
	access, accessErr := s.cookies.AccessToken(c.r)
	l := service.Logout{From: c.from()}
	// A token that was sent on purpose beats one that the browser added.
	if refreshErr == nil && (!refresh.InCookie || accessErr != nil || access.InCookie) {
		l.Refresh = refresh.Token
	}
	if accessErr == nil && (!access.InCookie || refreshErr != nil || refresh.InCookie) {
		l.Access = access.Token
	}
	if refresh.InCookie && l.Refresh != "" || access.InCookie && l.Access != "" {
		if err := s.csrf.Check(c.r); err != nil {
			return reply{}, err
		}
	}
	if err := s.Sessions.Logout(c.ctx(), l); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent, cookies: s.clearCookies()}, nil
}
