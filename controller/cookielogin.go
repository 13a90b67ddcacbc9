package controller

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"latchkey/service"
)

// checkCookieLogin returns an error if the browser of a login would drop the cookies of the login,
// or not send them back. Without it the login succeeds, and the user is not logged in.
func (s *server) checkCookieLogin(r *http.Request) error {
	const orBody = ", or send " + deliveryHeader + ": body."
	site, toOthers := r.Header.Get("Sec-Fetch-Site"), s.SameSite == "none"
	page, err := url.Parse(r.Header.Get("Origin"))
	if err != nil {
		page = &url.URL{}
	}
	switch {
	case s.cookies.Secure && page.Scheme == "http" && !onLoopback(page.Hostname()) && (site != "cross-site" || !toOthers):
		// A page over http may call the service over https, with cookies that other sites may send.
		return service.NewError(service.CodeInvalidRequest, "This page was opened over http, so the browser would drop the cookies of "+
			"this login. Open the page over https (let the proxy redirect http to https)"+orBody)
	case toOthers:
		return nil
	case site == "cross-site":
		return service.NewError(service.CodeInvalidRequest, "This page and the service are on different sites, so the browser "+
			"would not return the cookies of this login. Serve both from one site, set cookies.same_site to none"+orBody)
	case r.Header.Get("Sec-Fetch-Storage-Access") == "none":
		// The page is of this site, but a page above it is not.
		return service.NewError(service.CodeInvalidRequest, "This page is in a frame of another site, so the browser would not "+
			"return the cookies of this login. Open the page in a window of its own, set cookies.same_site to none"+orBody)
	case site == "same-origin" && page.Host != "" && s.cookies.Domain != "" && !within(page.Hostname(), s.cookies.Domain):
		return service.NewError(service.CodeInvalidRequest, "The host of this page is not below cookies.domain, so the browser would "+
			"drop the cookies of this login. Open the page at the host of server.public_url"+orBody)
	}
	return nil
}

// onLoopback reports whether browsers trust http of a host, and keep Secure cookies from it.
func onLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return within(host, "localhost") || err == nil && ip.IsLoopback()
}

// within reports whether a host is a domain or below it.
func within(host, domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }
