package controller

import (
	"net/http"
	"time"

	"latchkey/service"
)

// setCookies are the cookies of a grant to a browser. The refresh cookie is not
// written again for a token that stays: a late answer would overwrite a newer
// one.
func (s *server) setCookies(g service.Grant) []*http.Cookie {
	cookies := []*http.Cookie{s.accessCookie(g)}
	if g.RefreshChanged {
		cookies = append(cookies, s.refreshCookie(string(g.Refresh), s.maxAge(g)))
	}
	return cookies
}

// accessCookie holds "Bearer%20<jwt>", which scripts can decode. It lives as long
// as the session, so that an expired access token is seen as expired and not as
// missing.
func (s *server) accessCookie(g service.Grant) *http.Cookie {
	return s.cookieOf(s.cookies.Access, "Bearer%20"+string(g.Access), "/", s.maxAge(g), http.SameSiteLaxMode)
}

func (s *server) refreshCookie(value string, maxAge int) *http.Cookie {
	return s.cookieOf(s.cookies.Refresh, value, s.cookies.RefreshPath, maxAge, http.SameSiteStrictMode)
}

// deviceHeader is where clients without cookies show the token of their device.
const deviceHeader = "X-Device-Token"

// deviceToken is what a device shows at a log-in, or "".
func (s *server) deviceToken(r *http.Request) service.DeviceToken {
	if sent := r.Header.Get(deviceHeader); sent != "" {
		return service.DeviceToken(sent)
	}
	if c, err := r.Cookie(s.cookies.Device); err == nil {
		return service.DeviceToken(c.Value)
	}
	return ""
}

// deviceCookie outlives the session: it is for the log-in after it.
func (s *server) deviceCookie(token service.DeviceToken) *http.Cookie {
	return s.cookieOf(s.cookies.Device, string(token), "/", int(service.DeviceTTL/time.Second), http.SameSiteLaxMode)
}

// clearCookies makes a browser forget both.
func (s *server) clearCookies() []*http.Cookie {
	return []*http.Cookie{
		s.cookieOf(s.cookies.Access, "", "/", -1, http.SameSiteLaxMode),
		s.refreshCookie("", -1),
	}
}

// maxAge is how long the session can still live, in seconds: of both cookies,
// since the server knows better than the browser when a session is idle.
func (s *server) maxAge(g service.Grant) int {
	return max(1, int(g.SessionExpiry.Sub(s.Now())/time.Second))
}

func (s *server) cookieOf(name, value, path string, maxAge int, sameSite http.SameSite) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure follows from the public URL: http on a loopback host has none
		Name: name, Value: value, Path: path, MaxAge: maxAge, HttpOnly: true, Secure: s.cookies.Secure, SameSite: sameSite,
	}
}
