package controller

import (
	"net/http"

	"latchkey/middleware/access"
	"latchkey/service"
	"latchkey/service/session"
	"latchkey/service/token"
)

type refreshBody struct {
	ID           *string `json:"id"`
	RefreshToken *string `json:"refreshToken"`
}

// refresh handles POST /api/users/refresh.
func (s *server) refresh(c *call, body refreshBody) (reply, error) {
	found, via, err := s.foundRefresh(c, text(body.RefreshToken))
	if err != nil {
		return s.refused(found, err)
	}
	p := s.refreshRequest(c, found, via)
	p.UserID = text(body.ID)
	g, err := s.Sessions.Refresh(c.ctx(), p)
	if err != nil {
		return s.refused(found, err)
	}
	return s.grant(c.r, g, "", found.InCookie), nil
}

// accessReply is an access token alone. rtVerify returns it in the form that the header
// accesstoken takes.
type accessReply struct {
	AccessToken           string  `json:"accessToken,omitempty"`
	AccessTokenExpiryDate isoTime `json:"accessTokenExpiryDate"`
}

// rtVerify handles POST and GET /api/users/rtVerify: it returns a new access token, also as a
// cookie. With a refresh cookie it rotates by policy. With a header it never rotates, because a
// client that ignores the successor would look like a thief. GET is for the header only,
// because any page could make a browser send the cookie.
func (s *server) rtVerify(c *call, _ empty) (reply, error) {
	found, via, err := s.foundRefresh(c, "")
	if found.InCookie && c.r.Method == http.MethodGet {
		return reply{}, service.NewError(service.CodeRefreshMissing, "GET accepts a refresh token only in the header refreshtoken. Use POST for the cookie.")
	}
	if err != nil {
		return s.refused(found, err)
	}
	p := s.refreshRequest(c, found, via)
	p.UserID = c.r.Header.Get("userid")
	p.Keep = !found.InCookie
	g, err := s.Sessions.Refresh(c.ctx(), p)
	if err != nil {
		return s.refused(found, err)
	}
	out := reply{cookies: []*http.Cookie{s.accessCookie(g)}}
	if found.InCookie {
		out.cookies = s.setCookies(c.r, g)
	}
	body := accessReply{AccessToken: "Bearer " + string(g.Access), AccessTokenExpiryDate: iso(g.AccessExpiry)}
	if s.cookieOnly(c.r) {
		body.AccessToken = ""
	}
	out.body = body
	return out, nil
}

// foundRefresh returns the refresh token. It accepts a cookie only from the service's own pages
// and listed origins.
func (s *server) foundRefresh(c *call, inBody string) (access.Found, session.Delivery, error) {
	found, via, err := s.foundRefreshAnywhere(c, inBody)
	if found.InCookie {
		if err := s.csrf.Check(c.r); err != nil {
			return access.Found{}, via, err
		}
	}
	return found, via, err
}

// foundRefreshAnywhere returns the refresh token from any place, and the way in which it was
// sent. If there are several cookies it returns the cookie that counts.
func (s *server) foundRefreshAnywhere(c *call, inBody string) (access.Found, session.Delivery, error) {
	found, err := s.cookies.RefreshToken(c.r, inBody)
	if err != nil || !found.InCookie {
		return found, session.DeliveryBody, err
	}
	var via session.Delivery
	found.Others = append(found.Others, found.Token)
	found.Token, via = s.Sessions.ChooseCookie(found.Others, s.named(c.r), s.cookies.Session != "")
	return found, via, nil
}

func (s *server) refreshRequest(c *call, found access.Found, via session.Delivery) session.RefreshRequest {
	return session.RefreshRequest{
		Token: found.Token, Delivery: via, Client: session.ClientPolicy{ClientID: token.ClientAPI}, From: c.from(),
	}
}

// refused returns the reply to a refused refresh. It deletes cookies only if their session is known
// to be over or they are foreign, because a store failure must not log a user out.
func (s *server) refused(found access.Found, err error) (reply, error) {
	e := service.AsError(err)
	foreign := (e.Code == service.CodeRefreshInvalid || e.Code == service.CodeRefreshMalformed) && s.foreign(found)
	if found.InCookie && (e.SessionOver || foreign) {
		return reply{cookies: s.clearCookies()}, err
	}
	return reply{}, err
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
