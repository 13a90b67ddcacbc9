package middleware

import (
	"net/http"
	"net/url"
	"strings"
)

// Cookies are the names and attributes of the two token cookies, which follow
// from how users reach the service.
type Cookies struct {
	Access      string
	Refresh     string
	RefreshPath string // that of the routes that read it
	Secure      bool
}

// NewCookies returns the cookies of a service at a public URL. Under https the
// names have the prefixes that make browsers enforce the attributes (RFC 6265bis
// 4.1.3); plain names are for http on a loopback host.
func NewCookies(publicURL *url.URL, basePath string) Cookies {
	c := Cookies{Access: "accessToken", Refresh: "refreshToken", RefreshPath: basePath + "/users"}
	if publicURL.Scheme == "https" {
		c.Access, c.Refresh, c.Secure = "__Host-accessToken", "__Secure-refreshToken", true
	}
	return c
}

// cookie returns the value of the first cookie of a name, as it was before it
// was made fit for a cookie: without quotes, and with its blank.
func cookie(r *http.Request, name string) string {
	for _, c := range r.CookiesNamed(name) {
		if v := strings.Trim(c.Value, `"`); v != "" {
			if rest, ok := cutPrefixFold(v, "bearer%20"); ok {
				return "Bearer " + rest
			}
			if rest, ok := cutPrefixFold(v, "bearer+"); ok {
				return "Bearer " + rest
			}
			return v
		}
	}
	return ""
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
