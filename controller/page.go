package controller

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"

	"latchkey/controller/problem"
	"latchkey/service"
)

//go:embed page/authorize.html
var authorizeHTML string

//go:embed page/style.css
var styleCSS string

// page is the page on which users sign in for an application.
type page struct {
	template *template.Template
	style    string // its source in a Content-Security-Policy
}

func newPage() (page, error) {
	t, err := template.New("authorize").Parse(authorizeHTML)
	digest := sha256.Sum256([]byte(styleCSS))
	return page{template: t, style: "'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'"}, err
}

// pageData is what the page shows. Without a Client it is a message alone.
type pageData struct {
	Title      string
	Style      template.CSS
	Error      string
	Client     string
	FirstParty bool
	Scopes     []string
	Target     string // who gets the answer, for people
	Action     string
	Hidden     []hiddenField
	Username   string
}

type hiddenField struct{ Name, Value string }

// write answers with the page. It loads nothing, stands in no frame, and its form
// goes to us and from here to target, which browsers count as one (CSP 3 6.4.3).
func (p page) write(w http.ResponseWriter, status int, data pageData, target string) error {
	data.Style = template.CSS(styleCSS) //nolint:gosec // our own
	var b bytes.Buffer
	if err := p.template.Execute(&b, data); err != nil {
		return err
	}
	form := "'none'"
	if target != "" {
		form = "'self' " + formTarget(target)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+p.style+"; form-action "+form+"; frame-ancestors 'none'; base-uri 'none'")
	// With no-referrer a form would be sent with Origin: null, even to ourselves.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that has gone is nobody to tell
	return nil
}

// formTarget is a redirect URI as a source of form-action: its origin, or its
// scheme where that is an app's own.
func formTarget(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}

// fail answers with a page that says what is wrong.
func (p page) fail(w http.ResponseWriter, err error) {
	e := service.AsError(err)
	_ = p.write(w, problem.Status(err), pageData{Title: "This does not work", Error: e.Message}, "")
}
