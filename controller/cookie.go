package controller

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"latchkey/middleware/access"
	"latchkey/service/login"
	"latchkey/service/session"
	"latchkey/service/token"
)

// setCookies returns the cookies that deliver a TokenSet to a browser. It does not set the
// refresh cookie again for a token that was kept, unless the token came under an earlier name:
// a late response would overwrite a newer cookie. For the same reason the session cookie is set
// only at a login, and at a refresh of a session that has none yet.
func (s *server) setCookies(r *http.Request, g session.TokenSet) []*http.Cookie {
	cookies := []*http.Cookie{s.accessCookie(g)}
	login := g.Outcome == ""
	if s.cookies.Session != "" && (login || len(s.named(r)) == 0) {
		cookies = append(cookies, s.sessionCookie(string(s.Sessions.NameSession(g.Session)), s.maxAge(g)))
	}
	if g.RefreshChanged || len(r.CookiesNamed(s.cookies.Refresh)) == 0 {
		cookies = append(cookies, s.refreshCookie(string(g.Refresh), s.maxAge(g)))
	}
	return append(cookies, s.expireLegacy()...)
}

// accessCookie returns the access cookie: "Bearer%20<jwt>", which scripts can decode. It lives
// as long as the session, so that an expired access token is reported as expired and not as
// missing.
func (s *server) accessCookie(g session.TokenSet) *http.Cookie {
	return s.tokenCookie("Bearer%20"+string(g.Access), s.maxAge(g))
}

func (s *server) tokenCookie(value string, maxAge int) *http.Cookie {
	c := s.cookieOf(s.cookies.Access, value, "/", maxAge, http.SameSiteLaxMode) //nolint:gosec // as in cookieOf
	c.Domain = s.cookies.Domain
	return c
}

func (s *server) refreshCookie(value string, maxAge int) *http.Cookie {
	return s.cookieOf(s.cookies.Refresh, value, s.cookies.RefreshPath, maxAge, http.SameSiteStrictMode)
}

// sessionCookie returns the cookie that names the session of a browser.
func (s *server) sessionCookie(value string, maxAge int) *http.Cookie {
	return s.cookieOf(s.cookies.Session, value, "/", maxAge, http.SameSiteLaxMode)
}

// named returns the sessions that this host has named to the browser.
func (s *server) named(r *http.Request) []session.Ref {
	if s.cookies.Session == "" {
		return nil
	}
	var names []session.Name
	for _, c := range r.CookiesNamed(s.cookies.Session) {
		names = append(names, session.Name(c.Value))
	}
	return s.Sessions.ReadNames(names)
}

// deviceHeader is the header in which clients without cookies send the token of their trusted
// device.
const deviceHeader = "X-Device-Token"

// deviceToken returns the trusted device token that a login carries, or "".
func (s *server) deviceToken(r *http.Request) login.TrustedDeviceToken {
	if sent := r.Header.Get(deviceHeader); sent != "" {
		return login.TrustedDeviceToken(sent)
	}
	if c, err := r.Cookie(s.cookies.Device); err == nil {
		return login.TrustedDeviceToken(c.Value)
	}
	return ""
}

// deviceCookie returns the cookie of a trusted device. It outlives the session, because the
// next login needs it.
func (s *server) deviceCookie(device login.TrustedDeviceToken) *http.Cookie {
	return s.cookieOf(s.cookies.Device, string(device), "/", int(login.TrustedDeviceTTL/time.Second), http.SameSiteLaxMode)
}

// clearCookies returns cookies that delete the session's cookies from the browser.
func (s *server) clearCookies() []*http.Cookie {
	cookies := []*http.Cookie{s.tokenCookie("", -1), s.refreshCookie("", -1)}
	if s.cookies.Session != "" {
		cookies = append(cookies, s.sessionCookie("", -1))
	}
	return append(cookies, s.expireLegacy()...)
}

// clearOwn returns clearCookies if the access token of a request came in a cookie: the browser then
// has the cookies of the session that has ended.
func (s *server) clearOwn(r *http.Request) []*http.Cookie {
	if found, err := s.cookies.AccessToken(r); err != nil || !found.InCookie {
		return nil
	}
	return s.clearCookies()
}

// forget returns cookies that delete an access cookie that is foreign or whose session has ended. It
// returns none if the browser has a refresh cookie that may be ours: a refresh decides about both
// cookies, and this response could arrive after the response to the refresh.
func (s *server) forget(r *http.Request) []*http.Cookie {
	found, _ := s.cookies.RefreshToken(r, "")
	switch {
	case found.InCookie && s.foreign(found):
		return s.clearCookies()
	case s.cookies.Refreshable(r):
		return nil
	}
	return []*http.Cookie{s.tokenCookie("", -1)}
}

// foreign reports whether the service signed none of the refresh tokens that were found. It is false
// while this replica may not know all keys.
func (s *server) foreign(found access.Found) bool {
	return !slices.ContainsFunc(append(found.Others, found.Token), func(raw token.Raw) bool {
		if raw == "" { // no cookie contains a JWT
			return false
		}
		_, err := s.Tokens.VerifyRefresh(raw)
		return !token.SignedByAnother(err)
	})
}

// expireLegacy returns cookies that delete the cookies of an earlier deployment from the
// browser.
func (s *server) expireLegacy() []*http.Cookie {
	cookies := make([]*http.Cookie, len(s.cookies.Legacy))
	for i, l := range s.cookies.Legacy {
		c := s.cookieOf(l.Name, "", l.Path, -1, http.SameSiteLaxMode) //nolint:gosec // as in cookieOf
		c.Domain, c.Partitioned = l.Domain, false                     // none of them was partitioned
		cookies[i] = c
	}
	return cookies
}

// checkLegacy returns an error if a legacy cookie is a cookie that the service sets itself.
func (s *server) checkLegacy() error {
	ours := []*http.Cookie{s.tokenCookie("", 0), s.refreshCookie("", 0), s.deviceCookie(""), s.sessionCookie("", 0)}
	for _, l := range s.cookies.Legacy {
		for _, c := range ours {
			if c.Name == l.Name && c.Domain == l.Domain && c.Path == l.Path && !c.Partitioned {
				return fmt.Errorf("cookies.legacy: %s with this domain and path is the cookie that the service sets", l.Name)
			}
		}
	}
	return nil
}

// maxAge returns the remaining lifetime of a session in seconds. Both cookies use it, because
// the server knows better than the browser when a session is idle.
func (s *server) maxAge(g session.TokenSet) int {
	return max(1, int(g.SessionExpiry.Sub(s.Now())/time.Second))
}

// cookieOf returns a cookie with the SameSite of the settings, or the usual value if they set
// none. A cookie that other sites may send is partitioned, as browsers now require.
func (s *server) cookieOf(name, value, path string, maxAge int, usual http.SameSite) *http.Cookie {
	sameSite := map[string]http.SameSite{"lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode}[s.SameSite]
	if sameSite == 0 {
		sameSite = usual
	}
	return &http.Cookie{ //nolint:gosec // Secure follows from the public URL: http on a loopback host has none
		Name: name, Value: value, Path: path, MaxAge: maxAge, HttpOnly: true, Secure: s.cookies.Secure,
		SameSite: sameSite, Partitioned: sameSite == http.SameSiteNoneMode,
	}
}
