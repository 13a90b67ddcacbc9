package page

import (
	"net/http"

	"latchkey/internal/catalog"
	"latchkey/middleware/problem"
	"latchkey/service"
)

// Link is a form for a one-time link, or for a forgotten password.
type Link struct {
	Kind    LinkKind
	Action  string // path to which the form is sent
	Token   string
	Address string // the address that the link is about, or that was typed
	Chosen  bool   // the form asks for the password that was chosen at signup
	Err     error  // of the previous attempt, or nil
	Forgot  string // path of the page for a forgotten password; empty: none
}

// LinkKind is what a link page does.
type LinkKind int

// The kinds of link pages.
const (
	VerifyLink LinkKind = iota
	ResetLink
	UndoLink
	ForgotLink
)

// words are the texts of a kind of link page.
type words struct{ title, text, button, done string }

func (k LinkKind) words(t catalog.Page) words {
	switch k {
	case ResetLink:
		return words{t.ResetTitle, t.ResetText, t.ResetButton, t.ResetDone}
	case UndoLink:
		return words{t.UndoTitle, t.UndoText, t.UndoButton, t.UndoDone}
	case ForgotLink:
		return words{t.ForgotTitle, t.ForgotText, t.ForgotButton, t.ForgotDone}
	case VerifyLink:
	}
	return words{t.VerifyTitle, t.VerifyText, t.VerifyButton, t.VerifyDone}
}

// password reports whether the form has a field for a new password.
func (k LinkKind) password() bool { return k == ResetLink || k == UndoLink }

// WriteLink writes the form of a link. If the link cannot be used, it writes a page that says so.
func (p *Pages) WriteLink(w http.ResponseWriter, r *http.Request, l Link) {
	f := p.frame(r, func(t catalog.Page) string { return l.Kind.words(t).title }, l.Err)
	status := http.StatusOK
	if l.Err != nil {
		status = problem.Status(l.Err)
		problem.SetRetryAfter(w.Header(), l.Err)
	}
	if l.Err != nil && service.AsError(l.Err).Code == service.CodeLinkInvalid {
		f.title = f.text.LinkTitle
		again := ""
		if l.Kind == ResetLink {
			again = l.Forgot
		}
		p.write(w, status, "'none'", messagePage(f, "", again))
		return
	}
	if l.Err != nil && l.Kind != ForgotLink && l.Address == "" { // the link could not be read
		p.write(w, status, "'none'", messagePage(f, "", ""))
		return
	}
	p.write(w, status, "'self'", linkPage(f, l, l.Kind.words(f.text)))
}

// WriteDone writes the page that follows the use of a link.
func (p *Pages) WriteDone(w http.ResponseWriter, r *http.Request, kind LinkKind) {
	f := p.frame(r, func(t catalog.Page) string { return kind.words(t).title }, nil)
	p.write(w, http.StatusOK, "'none'", messagePage(f, kind.words(f.text).done, ""))
}
