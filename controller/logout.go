package controller

import (
	"net/http"
	"slices"

	"latchkey/service/session"
	"latchkey/service/token"
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
// check of who made the browser send it. Without one the session ends that this host
// has named to the browser, and that of the refresh cookie which counts, else of the
// access cookie. The check is made even if there is no cookie: a form on another site
// sends none of ours, and must not make the browser forget them.
func (s *server) logout(c *call, body logoutBody) (reply, error) {
	refresh, via, refreshErr := s.foundRefreshAnywhere(c, text(body.RefreshToken))
	access, accessErr := s.cookies.AccessToken(c.r)
	var sent, added []token.Raw // on purpose, and by the browser
	if refreshErr == nil && !refresh.InCookie {
		sent = append(sent, refresh.Token)
	}
	if accessErr == nil && !access.InCookie {
		sent = append(sent, access.Token)
	}
	named := s.named(c.r)
	if refreshErr == nil && refresh.InCookie && via != session.DeliveryForeign {
		added = append(added, refresh.Token)
	}
	if accessErr == nil && access.InCookie {
		added = append(append(added, access.Token), access.Others...)
	}
	ours := s.csrf.Check(c.r)
	if ours != nil && len(sent) == 0 {
		return reply{}, ours
	}
	var ended []string
	id, err := s.Sessions.Logout(c.ctx(), sent, "", c.from())
	if id != "" {
		ended = append(ended, id)
	}
	if err == nil && id == "" && ours == nil {
		ended, err = s.Sessions.LogoutBrowser(c.ctx(), named, added, c.from())
	}
	if err != nil {
		return reply{}, err
	}
	out := reply{status: http.StatusNoContent}
	// The cookies of another session, which goes on, stay.
	kept := s.Sessions.SessionOf(added)
	if len(named) > 0 {
		kept = named[0].SessionID
	}
	if ours == nil && (kept == "" || slices.Contains(ended, kept)) {
		out.cookies = s.clearCookies()
	}
	return out, nil
}
