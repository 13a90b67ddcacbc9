package controller

import (
	"net/http"

	"latchkey/service"
	"latchkey/service/login"
	"latchkey/service/session"
	"latchkey/service/token"
)

// deliveryHeader is the header in which a client chooses how it receives its tokens.
const deliveryHeader = "X-Token-Delivery"

// delivery returns how a new session delivers its tokens: as the client requests, otherwise as
// the settings say. Without either, a browser gets cookies and any other client gets the tokens
// in the body.
func (s *server) delivery(r *http.Request) (session.Delivery, error) {
	chosen := r.Header.Get(deliveryHeader)
	if chosen == "" {
		chosen = s.Delivery
	}
	switch chosen {
	case "cookie":
		return s.cookieDelivery(), nil
	case "body":
		return session.DeliveryBody, nil
	case "auto":
		if r.Header.Get("Sec-Fetch-Mode") != "" || r.Header.Get("Origin") != "" {
			return s.cookieDelivery(), nil
		}
		return session.DeliveryBody, nil
	}
	return "", service.NewError(service.CodeInvalidRequest, "The header "+deliveryHeader+" must be cookie or body.")
}

// cookieDelivery returns the delivery for new sessions of browsers.
func (s *server) cookieDelivery() session.Delivery {
	if s.cookies.Session != "" {
		return session.DeliveryHostCookie
	}
	return session.DeliveryCookie
}

// cookieOnly reports whether the client requested cookies by name. Then no body contains a
// token, because a script could read it there.
func (s *server) cookieOnly(r *http.Request) bool {
	chosen := r.Header.Get(deliveryHeader)
	return chosen == "cookie" || chosen == "" && s.Delivery == "cookie"
}

// tokensBody contains the tokens that are delivered in the body.
type tokensBody struct {
	AccessToken            token.Raw `json:"accessToken,omitempty"`
	AccessTokenExpiryDate  isoTime   `json:"accessTokenExpiryDate"`
	RefreshToken           token.Raw `json:"refreshToken,omitempty"`
	RefreshTokenExpiryDate isoTime   `json:"refreshTokenExpiryDate"`
	RefreshAfter           isoTime   `json:"refreshAfter"`
	// DeviceToken is set after a login with delivery in the body. The client sends it as
	// X-Device-Token with its next login.
	DeviceToken login.TrustedDeviceToken `json:"deviceToken,omitempty"`
	// Outcome and Generation are set after a refresh. Generation is the number of rotations of
	// the refresh token.
	Outcome    string `json:"outcome,omitempty"`
	Generation *int64 `json:"generation,omitempty"`
}

// grantBody is a user and tokens in one flat object.
type grantBody struct {
	userBody
	tokensBody
}

// grant returns the reply with a user and tokens. A refresh token is delivered in the way in
// which it came. Device is empty for a refresh.
func (s *server) grant(r *http.Request, g session.TokenSet, device login.TrustedDeviceToken, inCookie bool) reply {
	body := grantBody{userOf(g.User), tokensBody{
		AccessToken: g.Access, AccessTokenExpiryDate: iso(g.AccessExpiry),
		RefreshToken: g.Refresh, RefreshTokenExpiryDate: iso(g.RefreshExpiry), RefreshAfter: iso(g.RefreshAfter),
	}}
	if g.Outcome != "" {
		body.Outcome, body.Generation = string(g.Outcome), &g.Gen
	}
	if !inCookie {
		body.DeviceToken = device
		return reply{body: body}
	}
	body.RefreshToken = ""
	if s.cookieOnly(r) {
		body.AccessToken = ""
	}
	return reply{body: body, cookies: s.setCookies(r, g)}
}
