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
//
// A token that was sent on purpose beats what the browser added, and needs no
// check of who made the browser send it. Without one the check is made even if
// there is no cookie: a form on another site sends none of ours, and must not
// make the browser forget them.
func (s *server) logout(c *call, body logoutBody) (reply, error) {
	refresh, refreshErr := s.foundRefreshAnywhere(c, text(body.RefreshToken))
	access, accessErr := s.cookies.AccessToken(c.r)
	var sent, added []service.RawToken
	for _, f := range []struct {
		tokens   []service.RawToken
		inCookie bool
		err      error
	}{
		{[]service.RawToken{refresh.Token}, refresh.InCookie, refreshErr},
		{append([]service.RawToken{access.Token}, access.Others...), access.InCookie, accessErr},
	} {
		switch {
		case f.err != nil:
		case f.inCookie:
			added = append(added, f.tokens...)
		default:
			sent = append(sent, f.tokens...)
		}
	}
	ours := s.csrf.Check(c.r)
	if ours != nil {
		if len(sent) == 0 {
			return reply{}, ours
		}
		added = nil
	}
	ended, err := s.Sessions.Logout(c.ctx(), append(sent, added...), "", c.from())
	if err != nil {
		return reply{}, err
	}
	out := reply{status: http.StatusNoContent}
	// The cookies of another session, which goes on, stay.
	if other := s.Sessions.SessionOf(added); ours == nil && (other == "" || other == ended) {
		out.cookies = s.clearCookies()
	}
	return out, nil
}
