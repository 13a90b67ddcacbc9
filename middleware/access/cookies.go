package access

import (
	"net/http"
	"net/url"
	"strings"
)

// Cookies contains the names and attributes of the cookies. They depend on how users reach the
// service.
type Cookies struct {
	Access      string
	Refresh     string
	RefreshPath string // the common path of the routes that read it
	Device      string // marks a trusted device of a user
	Session     string // names the browser's session; empty: every cookie that this host can set, another host can set as well
	Domain      string // hosts below it get the access cookie; empty: only this host does
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

// CookieOptions are the settings on which the cookies of a service depend.
type CookieOptions struct {
	// PublicURL is the URL by which users reach the service. Under https the names have the
	// prefixes that make browsers enforce attributes. Names without a prefix are for http on a
	// loopback host.
	PublicURL *url.URL
	// BasePath is the prefix of all API paths, after the path of PublicURL.
	BasePath string
	// Domain sends the access cookie also to the hosts below it; empty: only to this host.
	Domain string
	// Prefix is the prefix of the names, so that several services on one host do not overwrite each
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

// names returns the possible names of a cookie: its current name, and its earlier names under
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

// cookies returns the values of the cookies with some names, decoded: without quotes, and with
// a blank after Bearer. A browser may send several, with different paths and ages.
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
			break // an earlier name counts only if there is no other, because another host may be able to set it
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
