package controller

import (
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"

	"latchkey/controller/problem"
	"latchkey/service"
	"latchkey/service/oauth"
)

//go:embed page.css
var pageCSS string

// page is what users see of us: where they sign in for an application. It is
// written here, and not by html/template, whose reflection keeps the linker from
// leaving out what is not used: that is 12 MB of program.
type page struct {
	Title      string
	Error      string
	Client     string // its name; empty: a message alone
	FirstParty bool
	Scopes     []string
	Target     string // who gets the answer, for people
	Hidden     [][2]string
	Action     string // path to which the form goes
	Username   string
}

// html writes the page. All that varies goes through text.
func (p page) html() string {
	var b strings.Builder
	w := func(parts ...string) { b.WriteString(strings.Join(parts, "")) }
	w("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
		"<title>", escape(p.Title), "</title>\n<style>", pageCSS, "</style>\n</head>\n<body>\n<main>\n<h1>", escape(p.Title), "</h1>\n")
	described, focusName, focusPassword := "", "", ""
	if p.FirstParty { // else who asks for what must be seen first
		focusName = " autofocus"
	}
	if p.Error != "" {
		w("<p class=\"error\" role=\"alert\" id=\"error\">", escape(p.Error), "</p>\n")
		described, focusName, focusPassword = ` aria-describedby="error"`, "", " autofocus"
	}
	if p.Client != "" {
		if !p.FirstParty {
			w("<p><strong>", escape(p.Client), "</strong> asks for access to your account.</p>\n")
			if len(p.Scopes) > 0 {
				w("<ul>")
				for _, s := range p.Scopes {
					if s == oauth.ScopeAccount {
						s = "your account here: name, e-mail address, password and devices"
					}
					w("<li>", escape(s), "</li>")
				}
				w("</ul>\n")
			}
			w("<p class=\"hint\">You will be sent to <strong>", escape(p.Target), "</strong>. Sign in only if you started this.</p>\n")
		}
		w("<form method=\"post\" action=\"", escape(p.Action), "\">\n")
		for _, h := range p.Hidden {
			w(`<input type="hidden" name="`, escape(h[0]), `" value="`, escape(h[1]), "\">\n")
		}
		button := "Sign in and allow"
		if p.FirstParty {
			button = "Sign in"
		}
		w("<label for=\"username\">Username or e-mail</label>\n",
			`<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required value="`,
			escape(p.Username), `"`, described, focusName, ">\n",
			"<label for=\"password\">Password</label>\n",
			`<input id="password" name="password" type="password" autocomplete="current-password" required`, described, focusPassword, ">\n",
			"<div class=\"buttons\">\n<button name=\"decision\" value=\"allow\">", button, "</button>\n",
			"<button name=\"decision\" value=\"deny\" class=\"quiet\" formnovalidate>Cancel</button>\n</div>\n</form>\n")
	}
	w("</main>\n</body>\n</html>\n")
	return b.String()
}

// escape makes a text fit for an element and for an attribute in quotes.
func escape(s string) string { return html.EscapeString(s) }

// write answers with the page. It loads nothing, stands in no frame, and its form
// goes to us and from here to target, which browsers count as one (CSP 3 6.4.3).
func (p page) write(w http.ResponseWriter, status int, target string) {
	form := "'none'"
	if target != "" {
		form = "'self' https: http: " + scheme(target)
	}
	style := sha256.Sum256([]byte(pageCSS))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(style[:])+
		"'; form-action "+form+"; frame-ancestors 'none'; base-uri 'none'")
	// With no-referrer a form would be sent with Origin: null, even to ourselves.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, p.html()) // a client that has gone is nobody to tell
}

// fail answers with a page that says what is wrong.
func fail(w http.ResponseWriter, err error) {
	tryAgain(w, err)
	page{Title: "This does not work", Error: service.AsError(err).Message}.write(w, problem.Status(err), "")
}

// tryAgain says when, where that would help.
func tryAgain(w http.ResponseWriter, err error) {
	if status := problem.Status(err); status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", problem.RetryAfter(service.AsError(err)))
	}
}

// scheme is that of a redirect URI, as a source of form-action. No host: browsers
// hold it against wherever the application sends them on to, and IPv6 addresses
// cannot be written there.
func scheme(uri string) string {
	s, _, _ := strings.Cut(uri, ":")
	return s + ":"
}

// host is who a redirect URI belongs to, for people.
func host(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return scheme(uri)
	}
	return u.Host
}
