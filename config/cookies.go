package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/publicsuffix"

	"latchkey/internal/hostname"
)

// Cookies configures the cookies of browsers.
type Cookies struct {
	// Domain sends the access cookie also to the hosts below this domain, for servers that check
	// access tokens there; empty: only this host gets it, which is safer. The refresh cookie is
	// always for this host only.
	Domain string `mapstructure:"domain"`
	// Prefix is the prefix of the names of the cookies, for several installations on one host.
	Prefix string `mapstructure:"prefix"`
	// SameSite is default (access cookie lax, refresh cookie strict), lax, strict, or none. None is
	// for a page on another site than server.public_url. That page must be listed in cors.origins
	// and use https, and the cookies are partitioned.
	SameSite string `mapstructure:"same_site"`
	// Legacy are cookies of an earlier deployment, as name;domain=example.org;path=/, which are
	// deleted from browsers. Cookies with an earlier name of the service are still read.
	Legacy []CookieTuple `mapstructure:"legacy"`
}

// CookieTuple identifies a cookie in a browser (RFC 6265 5.3).
type CookieTuple struct {
	Name, Domain, Path string
}

// String returns the tuple in the form that parseCookieTuple reads.
func (t CookieTuple) String() string {
	s := t.Name
	if t.Domain != "" {
		s += ";domain=" + t.Domain
	}
	if t.Path != "" {
		s += ";path=" + t.Path
	}
	return s
}

var (
	cookieName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")                                     // a token (RFC 9110 5.6.2)
	hostName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`) // letters, digits, hyphens
)

const hintCookies = hint("write cookies as in refreshToken;domain=example.org;path=/auth")

func parseCookieTuple(s string) (CookieTuple, error) {
	parts := strings.Split(s, ";")
	t := CookieTuple{Name: strings.TrimSpace(parts[0]), Path: "/"}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "domain":
			t.Domain = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(value), "."))
		case "path":
			t.Path = strings.TrimSpace(value)
		default:
			return t, hintCookies
		}
	}
	if !cookieName.MatchString(t.Name) || t.Domain != "" && !hostName.MatchString(t.Domain) || !strings.HasPrefix(t.Path, "/") {
		return t, hintCookies
	}
	return t, nil
}

const prefixCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// validateCookies refuses cookies that no browser would keep or send back, because such a
// setting would log users out.
func (c *Config) validateCookies(p *problems) {
	p.oneOf("cookies.same_site", c.Cookies.SameSite, "default", "lax", "strict", "none")
	u := c.Server.PublicURL
	if u == nil {
		return // already reported
	}
	if strings.Trim(c.Cookies.Prefix, prefixCharacters) != "" || len(c.Cookies.Prefix) > 32 {
		p.add("cookies.prefix", "must consist of at most 32 letters, digits, hyphens and underscores, as in shop-")
	}
	if lower := strings.ToLower(c.Cookies.Prefix); strings.HasPrefix(lower, "__host") || strings.HasPrefix(lower, "__secure") {
		p.add("cookies.prefix", "must not begin with __Host- or __Secure-: https adds these prefixes")
	}
	host := u.Hostname()
	if d, err := hostname.Canonical(c.Cookies.Domain); err == nil {
		c.Cookies.Domain = d
	}
	if d := c.Cookies.Domain; d != "" {
		_, isAddress := netip.ParseAddr(d)
		suffix, _ := publicsuffix.PublicSuffix(d)
		switch {
		case u.Scheme != "https":
			p.add("cookies.domain", "needs an https server.public_url: browsers refuse such cookies over http")
		case isAddress == nil:
			p.add("cookies.domain", "must be a name: browsers do not accept a cookie domain that is an address")
		case !hostName.MatchString(d):
			p.add("cookies.domain", "must be only a name, as in example.org")
		case suffix == d:
			p.add("cookies.domain", "%s is a public suffix: browsers refuse cookies for it", d)
		case host != d && !strings.HasSuffix(host, "."+d):
			p.add("cookies.domain", "must be the host of server.public_url or a parent domain of it: browsers refuse cookies for other hosts")
		}
	}
	if c.Cookies.SameSite == "none" {
		if u.Scheme != "https" {
			p.add("cookies.same_site", "none needs an https server.public_url: browsers refuse such cookies without Secure")
		}
		if len(c.CORS.Origins) == 0 {
			p.add("cookies.same_site", "none lets other sites send the cookies: list these sites in cors.origins")
		}
	}
	if c.Tokens.Delivery != "body" && c.Cookies.SameSite != "none" {
		for _, o := range c.CORS.Origins {
			if origin, err := url.Parse(o); err == nil && origin.Host != "" && !sameSite(u, origin) {
				p.add("cors.origins", "%s and server.public_url are different sites, so browsers would not send the cookies with requests of its pages. "+
					"Serve both from one site, set cookies.same_site to none, or set tokens.delivery to body", o)
			}
		}
	}
	for _, t := range c.Cookies.Legacy {
		if strings.HasPrefix(t.Name, "__Host-") && (t.Domain != "" || t.Path != "/") {
			p.add("cookies.legacy", "%s: a __Host- cookie must have no domain and the path /", t)
		}
		if t.Domain != "" && host != t.Domain && !strings.HasSuffix(host, "."+t.Domain) {
			p.add("cookies.legacy", "%s: browsers do not let %s change a cookie of that domain", t, host)
		}
	}
}

// sameSite reports whether two origins are of one site: the same scheme and the same
// registrable domain (HTML, same site).
func sameSite(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && registrable(a.Hostname()) == registrable(b.Hostname())
}

func registrable(host string) string {
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host // an address, or localhost
}
