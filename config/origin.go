package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"latchkey/internal/hostname"
)

// validateOrigins converts each origin to the form that browsers send (RFC 6454 6.2), or
// reports its problem. An origin in another form would never match.
func (c *Config) validateOrigins(p *problems) {
	for i, o := range c.CORS.Origins {
		canonical, err := canonicalOrigin(o)
		if err != nil {
			if strings.Contains(o, "@") { // it may contain a password
				o = "…"
			}
			p.add("cors.origins", "%q is not an origin (%s): write scheme, host and port, as in https://app.example.org", o, err)
			continue
		}
		c.CORS.Origins[i] = canonical
	}
}

// noPages are schemes that operators write by mistake. The schemes of apps, such as capacitor, are
// allowed.
var noPages = []string{"ftp", "ws", "wss", "file", "data", "blob", "about", "mailto", "postgres", "redis"}

// canonicalOrigin returns an origin in the form that browsers send.
func canonicalOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return "", errors.New("scheme or host is missing")
	case slices.Contains(noPages, strings.ToLower(u.Scheme)):
		return "", errors.New("no page has the scheme " + u.Scheme)
	case u.Port() == "0":
		return "", errors.New("the port is out of range")
	case strings.Contains(s, "*"):
		return "", errors.New("wildcards are not allowed")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "", errors.New("it contains more than scheme, host and port")
	}
	host, err := canonicalHost(u)
	if err != nil {
		return "", err
	}
	return u.Scheme + "://" + host, nil
}

// canonicalHost returns the host and port of a URL in the form of browsers: without the default
// port.
func canonicalHost(u *url.URL) (string, error) {
	host, err := hostname.CanonicalHost(u.Hostname())
	if err != nil {
		return "", err
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Port() == "" {
		return host, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err != nil:
		return "", errors.New("the port is out of range")
	case u.Scheme == "http" && port == 80, u.Scheme == "https" && port == 443:
		return host, nil
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.FormatUint(port, 10)), nil
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
