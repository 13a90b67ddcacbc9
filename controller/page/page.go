package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"latchkey/internal/catalog"
	"latchkey/middleware/problem"
	"latchkey/service"
)

//go:embed page.css
var baseCSS string

// Pages writes the pages in the look of a product.
type Pages struct {
	brand catalog.Brand
	css   string
	hash  string // of css, for the Content-Security-Policy
}

// DefaultColor is the color of buttons that page.css has.
const DefaultColor = "#2456c7"

// New returns Pages in the look of a product.
func New(brand catalog.Brand) *Pages {
	css := baseCSS
	if brand.Color != "" && brand.Color != DefaultColor {
		css += "button, :focus-visible { --strong: " + brand.Color + "; --on-strong: " + brand.Ink() + "; }\n"
	}
	sum := sha256.Sum256([]byte(css))
	return &Pages{brand: brand, css: css, hash: "sha256-" + base64.StdEncoding.EncodeToString(sum[:])}
}

// frame is what every page has.
type frame struct {
	brand  catalog.Brand
	css    string
	locale string
	text   catalog.Page
	title  string
	err    string // of the request; empty: none
}

func (p *Pages) frame(r *http.Request, title func(catalog.Page) string, err error) frame {
	locale := catalog.Match(r.Header.Get("Accept-Language"))
	f := frame{brand: p.brand, css: p.css, locale: locale, text: catalog.Pages(locale)}
	f.title = title(f.text)
	if err != nil {
		f.err = explain(f.text, err)
	}
	return f
}

// explain returns the message of an error in the language of the page. Errors that only a developer sees are
// in English.
func explain(t catalog.Page, err error) string {
	e := service.AsError(err)
	switch e.Code { //nolint:exhaustive // the other errors have their own message
	case service.CodePasswordRejected:
		return t.BadPassword
	case service.CodeEmailTaken:
		return t.EmailTaken
	case service.CodeUsernameTaken:
		return t.UsernameTaken
	case service.CodeInvalidCredentials:
		return t.WrongLogin
	case service.CodeAccountDisabled:
		return t.Disabled
	case service.CodeEmailUnverified:
		return t.Unverified
	case service.CodeRateLimited:
		if e.RetryAfter > time.Hour {
			return e.Message
		}
		return t.WaitAMoment
	case service.CodeOverloaded, service.CodeStoreUnavailable:
		return t.Unavailable
	case service.CodeMailUnavailable:
		return t.NoMail
	case service.CodeLinkInvalid:
		return t.LinkInvalid
	case service.CodeInvalidRequest:
		if _, ok := e.Fields["email"]; ok {
			return t.BadEmail
		}
		if _, ok := e.Fields["password"]; ok {
			return t.WrongChosen
		}
	}
	return e.Message
}

// write writes a page as the response. The page loads nothing but the logo, and cannot be framed. Its
// form is sent to this server, which may redirect to a client: browsers check both against
// form-action (CSP 3 6.4.3).
func (p *Pages) write(w http.ResponseWriter, status int, formAction string, page templ.Component) {
	var b bytes.Buffer
	if err := page.Render(context.Background(), &b); err != nil {
		http.Error(w, "The page could not be written.", http.StatusInternalServerError)
		return
	}
	image := ""
	if p.brand.Logo != "" {
		image = "; img-src " + p.brand.Logo
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src '"+p.hash+"'"+image+"; form-action "+formAction+"; frame-ancestors 'none'; base-uri 'none'")
	// With no-referrer, browsers would send the form with Origin: null, even to this server.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // fails only if the client has disconnected
}

// Login is the page on which a user logs in for an application.
type Login struct {
	Client     string // name of the application
	FirstParty bool
	Scopes     []string
	Target     string // redirect URI of the client
	Hidden     [][2]string
	Action     string // path to which the form is sent
	Forgot     string // path of the page for a forgotten password; empty: none
	Username   string
	Err        error // of the previous attempt, or nil
}

// WriteLogin writes the login page.
func (p *Pages) WriteLogin(w http.ResponseWriter, r *http.Request, l Login) {
	f := p.frame(r, func(t catalog.Page) string { return catalog.With(t.LogInTo, l.Client) }, l.Err)
	status := http.StatusOK
	if l.Err != nil {
		status = problem.Status(l.Err)
		problem.SetRetryAfter(w.Header(), l.Err)
	}
	p.write(w, status, "'self' https: http: "+scheme(l.Target), loginPage(f, l))
}

// WriteError writes a page that shows an error.
func (p *Pages) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	problem.SetRetryAfter(w.Header(), err)
	f := p.frame(r, func(t catalog.Page) string { return t.RequestFailed }, err)
	p.write(w, problem.Status(err), "'none'", messagePage(f, "", ""))
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
