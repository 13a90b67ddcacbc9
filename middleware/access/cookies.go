package access

import (
	"net/http"
	"net/url"
	"strings"
)

// Cookies are the names and attributes of the cookies, which follow from how users
// reach the service.
type Cookies struct {
	Access      string
	Refresh     string
	RefreshPath string // that of the routes that read it
	Device      string // says that a user has logged in here before
	Session     string // names the browser's session; empty: the host cannot set one that no other host can
	Domain      string // whose hosts get the access cookie; empty: this host
	Secure      bool
	// Legacy are the cookies of an earlier deployment: name, domain and path.
	Legacy []http.Cookie
}

// The names without the prefixes that make browsers enforce attributes.
const (
	accessName  = "accessToken"
	refreshName = "refreshToken"
	deviceName  = "deviceToken"
	sessionName = "session"
)

// The prefixes (RFC 6265bis 4.1.3).
const (
	hostPrefix   = "__Host-"   // Secure, Path=/ and no Domain
	securePrefix = "__Secure-" // Secure
)

// NewCookies returns the cookies of a service at a public URL. Domain lets the
// hosts below it have the access cookie; empty: none. Under https the names have
// prefixes; plain names are for http on a loopback host.
func NewCookies(publicURL *url.URL, basePath, domain string, legacy ...http.Cookie) Cookies {
	c := Cookies{Access: accessName, Refresh: refreshName, Device: deviceName, RefreshPath: basePath + "/users", Domain: domain, Legacy: legacy}
	if publicURL.Scheme == "https" {
		c.Access, c.Refresh, c.Device, c.Secure = hostPrefix+accessName, securePrefix+refreshName, hostPrefix+deviceName, true
		c.Session = hostPrefix + sessionName
		if domain != "" {
			c.Access = securePrefix + accessName
		}
	}
	return c
}

// names are those that a cookie may have: its own, and what it was called before.
func (ck Cookies) names(own, plain string) []string {
	names := []string{own}
	for _, l := range ck.Legacy {
		switch l.Name {
		case own:
		case plain, hostPrefix + plain, securePrefix + plain:
			names = append(names, l.Name)
		}
	}
	return names
}

// cookies returns the values of the cookies of some names, as they were before they
// were made fit for a cookie: without quotes, and with their blank. A browser may
// send several, of different paths and ages.
func cookies(r *http.Request, names []string) []string {
	var values []string
	for _, name := range names {
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
		if len(values) > 0 {
			break // an earlier name, which another host may be able to set, counts where there is no other
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
