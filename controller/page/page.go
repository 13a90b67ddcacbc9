package page

import (
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"

	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/oauth"
)

//go:embed page.css
var css string

// Page is a page on which a user logs in for an application, or a message. It is built here and
// not by html/template: the template package uses reflection, which keeps the linker from
// removing unused code and adds 12 MB to the program.
type Page struct {
	Title      string
	Error      string
	Client     string // name of the client; empty: only a message
	FirstParty bool
	Scopes     []string
	Target     string // redirect URI of the client; empty: no form
	Hidden     [][2]string
	Action     string // path to which the form is sent
	Username   string
}

// html returns the page. It escapes every variable text.
func (p Page) html() string {
	var b strings.Builder
	w := func(parts ...string) { b.WriteString(strings.Join(parts, "")) }
	w("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
		"<title>", html.EscapeString(p.Title), "</title>\n<style>", css, "</style>\n</head>\n<body>\n<main>\n<h1>", html.EscapeString(p.Title), "</h1>\n")
	described, focusName, focusPassword := "", "", ""
	if p.FirstParty { // otherwise the user must first see which client requests which access
		focusName = " autofocus"
	}
	if p.Error != "" {
		w("<p class=\"error\" role=\"alert\" id=\"error\">", html.EscapeString(p.Error), "</p>\n")
		described, focusName, focusPassword = ` aria-describedby="error"`, "", " autofocus"
	}
	if p.Client != "" {
		if !p.FirstParty {
			w("<p><strong>", html.EscapeString(p.Client), "</strong> asks for access to your account.</p>\n")
			if len(p.Scopes) > 0 {
				w("<ul>")
				for _, s := range p.Scopes {
					if s == oauth.ScopeAccount {
						s = "your account here: name, email address, password and devices"
					}
					w("<li>", html.EscapeString(s), "</li>")
				}
				w("</ul>\n")
			}
			w("<p class=\"hint\">You will be sent to <strong>", html.EscapeString(host(p.Target)), "</strong>. Log in only if you started this.</p>\n")
		}
		w("<form method=\"post\" action=\"", html.EscapeString(p.Action), "\">\n")
		for _, h := range p.Hidden {
			w(`<input type="hidden" name="`, html.EscapeString(h[0]), `" value="`, html.EscapeString(h[1]), "\">\n")
		}
		button := "Log in and allow"
		if p.FirstParty {
			button = "Log in"
		}
		w("<label for=\"username\">Username or email</label>\n",
			`<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required value="`,
			html.EscapeString(p.Username), `"`, described, focusName, ">\n",
			"<label for=\"password\">Password</label>\n",
			`<input id="password" name="password" type="password" autocomplete="current-password" required`, described, focusPassword, ">\n",
			"<div class=\"buttons\">\n<button name=\"decision\" value=\"allow\">", button, "</button>\n",
			"<button name=\"decision\" value=\"deny\" class=\"quiet\" formnovalidate>Cancel</button>\n</div>\n</form>\n")
	}
	w("</main>\n</body>\n</html>\n")
	return b.String()
}

// Write writes the page as the response. The page loads nothing and cannot be framed. Its form
// is sent to this server, which redirects to Target: browsers check both against form-action
// (CSP 3 6.4.3).
func (p Page) Write(w http.ResponseWriter, status int) {
	form := "'none'"
	if p.Target != "" {
		form = "'self' https: http: " + scheme(p.Target)
	}
	style := sha256.Sum256([]byte(css))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(style[:])+
		"'; form-action "+form+"; frame-ancestors 'none'; base-uri 'none'")
	// With no-referrer, browsers would send the form with Origin: null, even to this server.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, p.html()) // fails only if the client has disconnected
}

// WriteError writes a page that shows an error.
func WriteError(w http.ResponseWriter, err error) {
	problem.SetRetryAfter(w.Header(), err)
	Page{Title: "This request failed", Error: service.AsError(err).Message}.Write(w, problem.Status(err))
}

// scheme returns the scheme of a redirect URI, as a source of form-action. It omits the host,
// because browsers also apply form-action to later redirects of the application. Besides,
// form-action cannot contain IPv6 addresses.
func scheme(uri string) string {
	s, _, _ := strings.Cut(uri, ":")
	return s + ":"
}

// host returns the owner of a redirect URI in readable form: its host.
func host(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return scheme(uri)
	}
	return u.Host
}
