package access

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
	Device      string // says that a user has logged in here before
	Secure      bool
}

// NewCookies returns the cookies of a service at a public URL. Under https the
// names have the prefixes that make browsers enforce the attributes (RFC 6265bis
// 4.1.3); plain names are for http on a loopback host.
func NewCookies(publicURL *url.URL, basePath string) Cookies {
	c := Cookies{Access: "accessToken", Refresh: "refreshToken", Device: "deviceToken", RefreshPath: basePath + "/users"}
	if publicURL.Scheme == "https" {
		c.Access, c.Refresh, c.Device, c.Secure = "__Host-accessToken", "__Secure-refreshToken", "__Host-deviceToken", true
	}
	return c
}

// cookies returns the values of the cookies of a name, as they were before they
// were made fit for a cookie: without quotes, and with their blank. A browser may
// send several, of different paths and ages.
func cookies(r *http.Request, name string) []string {
	var values []string
	for _, c := range r.CookiesNamed(name) {
		v := strings.Trim(c.Value, `"`)
		for _, scheme := range []string{"bearer%20", "bearer+"} {
			if rest, ok := cutPrefixFold(v, scheme); ok {
				v = "Bearer " + rest
			}
		}
		if v != "" {
			values = append(values, v)
		}
	}
	return values
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
