package controller

import (
	"net/http"

	"latchkey/service"
	"latchkey/service/login"
	"latchkey/service/session"
	"latchkey/service/token"
)

// deliveryHeader is how a client chooses how its tokens travel.
const deliveryHeader = "X-Token-Delivery"

// delivery is how the tokens of a new session travel: as the client says, else
// as the settings say, else by cookie for a browser and in the body for
// anything else.
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

// cookieDelivery is the delivery of new sessions of browsers.
func (s *server) cookieDelivery() session.Delivery {
	if s.cookies.Session != "" {
		return session.DeliveryHostCookie
	}
	return session.DeliveryCookie
}

// cookieOnly reports whether cookies were asked for by name: then no token goes
// into a body, where a script could read it.
func (s *server) cookieOnly(r *http.Request) bool {
	chosen := r.Header.Get(deliveryHeader)
	return chosen == "cookie" || chosen == "" && s.Delivery == "cookie"
}

// tokensBody are the tokens of a grant as far as they travel in a body.
type tokensBody struct {
	AccessToken            token.Raw `json:"accessToken,omitempty"`
	AccessTokenExpiryDate  isoTime   `json:"accessTokenExpiryDate"`
	RefreshToken           token.Raw `json:"refreshToken,omitempty"`
	RefreshTokenExpiryDate isoTime   `json:"refreshTokenExpiryDate"`
	RefreshAfter           isoTime   `json:"refreshAfter"`
	// DeviceToken comes with a login that is answered in the body: to be sent as
	// X-Device-Token with the next one.
	DeviceToken login.TrustedDeviceToken `json:"deviceToken,omitempty"`
	// Outcome of a refresh, and how often the refresh token has been replaced.
	Outcome    string `json:"outcome,omitempty"`
	Generation *int64 `json:"generation,omitempty"`
}

// grantBody is a user and tokens in one flat object.
type grantBody struct {
	userBody
	tokensBody
}

// grant answers with a user and tokens: a refresh token leaves the way it came. Device is empty for
// a refresh.
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
