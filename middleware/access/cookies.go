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

// CookieOptions are what the cookies of a service follow from.
type CookieOptions struct {
	// PublicURL is how users reach the service. Under https the names have the prefixes
	// that make browsers enforce attributes; plain names are for http on a loopback host.
	PublicURL *url.URL
	// BasePath is what the paths of the API start with, after the path of PublicURL.
	BasePath string
	// Domain lets the hosts below it have the access cookie; empty: none.
	Domain string
	// Prefix starts the names, so that several services on one host do not overwrite each
	// other's cookies.
	Prefix string
	// Legacy are the cookies of an earlier deployment: name, domain and path.
	Legacy []http.Cookie
}

// NewCookies returns the cookies of a service.
func NewCookies(o CookieOptions) Cookies {
	c := Cookies{
		Access: o.Prefix + accessName, Refresh: o.Prefix + refreshName, Device: o.Prefix + deviceName,
		RefreshPath: o.PublicURL.Path + o.BasePath + "/users", Domain: o.Domain, Legacy: o.Legacy,
	}
	if o.PublicURL.Scheme == "https" {
		c.Access, c.Refresh, c.Device, c.Secure = hostPrefix+c.Access, securePrefix+c.Refresh, hostPrefix+c.Device, true
		c.Session = hostPrefix + o.Prefix + sessionName
		if o.Domain != "" {
			c.Access = securePrefix + o.Prefix + accessName
		}
	}
	return c
}

// names are those that a cookie may have: its own, and what it was called before, under
// http or https and with another prefix or none.
func (ck Cookies) names(own, plain string) []string {
	names := []string{own}
	for _, l := range ck.Legacy {
		if l.Name != own && strings.HasSuffix(l.Name, plain) {
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
