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

// logout handles POST /api/users/logout. It accepts any token of the session, also an expired
// access token. It responds with 204 whether or not there was a session to end, so a logout
// never fails for lack of a session. Only a failure of the database is an error; then the
// cookies stay.
//
// A token that the client sent explicitly takes precedence over cookies, and needs no CSRF
// check. Without such a token, logout ends the session that this host has named to the browser.
// It also ends the session of the refresh cookie that counts, or else of the access cookie. The
// CSRF check also applies if there is no cookie: a form on another site sends no cookies of the
// service, and must not make the browser delete them.
func (s *server) logout(c *call, body logoutBody) (reply, error) {
	refresh, via, refreshErr := s.foundRefreshAnywhere(c, text(body.RefreshToken))
	access, accessErr := s.cookies.AccessToken(c.r)
	var sent, added []token.Raw // sent explicitly by the client; added by the browser
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
	// The cookies of another session stay, because that session continues.
	kept := s.Sessions.SessionOf(added)
	if len(named) > 0 {
		kept = named[0].SessionID
	}
	if ours == nil && (kept == "" || slices.Contains(ended, kept)) {
		out.cookies = s.clearCookies()
	}
	return out, nil
}
