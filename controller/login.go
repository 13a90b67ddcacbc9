package controller

import (
	"strings"

	"latchkey/service"
	"latchkey/service/login"
	"latchkey/service/password"
	"latchkey/service/session"
	"latchkey/service/token"
)

type loginBody struct {
	Username *string `json:"username"`
	Email    *string `json:"email"`
	Password string  `json:"password"`
}

// login handles POST /api/users/login.
func (s *server) login(c *call, body loginBody) (reply, error) {
	credentials := login.Credentials{
		Password: password.New(body.Password), Client: session.ClientPolicy{ClientID: token.ClientAPI}, From: c.from(),
	}
	switch {
	case strings.TrimSpace(text(body.Username)) != "":
		credentials.Username = *body.Username
	case strings.TrimSpace(text(body.Email)) != "":
		credentials.Email = *body.Email
	default:
		return reply{}, &service.Error{
			Code: service.CodeInvalidRequest, Message: "Send a username or an email address.",
			Fields: map[string]string{"username": "is missing, and so is email"},
		}
	}
	via, err := s.delivery(c.r)
	if err != nil {
		return reply{}, err
	}
	credentials.Delivery, credentials.Device = via, s.deviceToken(c.r)
	browser := via != session.DeliveryBody
	if browser {
		// The browser would keep the cookies. Another site must not be able to log its visitors in
		// here.
		if err := s.csrf.Check(c.r); err != nil {
			return reply{}, err
		}
		if err := s.checkCookieLogin(c.r); err != nil {
			return reply{}, err
		}
		if found, _, err := s.foundRefreshAnywhere(c, ""); err == nil && found.InCookie {
			credentials.Replaces = found.Token
		}
	}
	g, err := s.Login.Login(c.ctx(), credentials)
	if err != nil {
		return reply{}, err
	}
	out := s.grant(c.r, g.TokenSet, g.TrustedDevice, browser)
	if browser {
		out.cookies = append(out.cookies, s.deviceCookie(g.TrustedDevice))
	}
	return out, nil
}
