package controller

import (
	"errors"

	"github.com/gin-gonic/gin"

	"latchkey/controller/page"
	"latchkey/service"
	"latchkey/service/link"
	"latchkey/service/password"
	"latchkey/service/recovery"
)

// routeLinks adds the routes of one-time links. A GET never uses a link, because mail scanners follow
// links: it shows a page, and the button of the page uses the link.
func (s *server) routeLinks(api *gin.RouterGroup) {
	for _, l := range []struct {
		path string
		kind page.LinkKind
		json gin.HandlerFunc
	}{
		{VerifyPath, page.VerifyLink, handle(s, s.verifyEmail)},
		{ForgotPath, page.ForgotLink, handle(s, s.forgotPassword)},
		{ResetPath, page.ResetLink, handle(s, s.resetPassword)},
		{UndoPath, page.UndoLink, handle(s, s.undoEmail)},
	} {
		api.GET(l.path, func(c *gin.Context) { s.showLink(c, l.path, l.kind) })
		api.POST(l.path, func(c *gin.Context) {
			if mediaType(c.Request) == "application/x-www-form-urlencoded" {
				s.useLink(c, l.path, l.kind)
				return
			}
			l.json(c)
		})
	}
}

// forgotPage returns the path of the page for a forgotten password, or "" if no mail can be sent.
func (s *server) forgotPage() string {
	if !s.Recovery.MailAvailable() {
		return ""
	}
	return s.path(s.BasePath + ForgotPath)
}

// flows are the flows behind the pages that have a token.
var flows = map[page.LinkKind]recovery.Flow{
	page.VerifyLink: recovery.FlowVerify, page.ResetLink: recovery.FlowReset, page.UndoLink: recovery.FlowUndo,
}

// showLink handles GET on the path of a link.
func (s *server) showLink(c *gin.Context, path string, kind page.LinkKind) {
	l := page.Link{Kind: kind, Action: s.path(s.BasePath + path), Forgot: s.forgotPage()}
	call := callOf(c)
	if kind != page.ForgotLink {
		l.Token = c.Query("token")
		l.Err = s.findLink(call, &l)
	}
	s.writeLink(c, l)
}

// findLink completes a page with what the link is about.
func (s *server) findLink(c *call, l *page.Link) error {
	if l.Token == "" {
		return service.LinkInvalid(errors.New("the URL has no token"))
	}
	found, err := s.Recovery.Find(c.ctx(), flows[l.Kind], link.Token(l.Token), c.from())
	l.Address, l.Chosen = found.Address, found.Password
	return err
}

func (s *server) writeLink(c *gin.Context, l page.Link) {
	if l.Err != nil {
		_ = c.Error(l.Err)
	}
	s.pages.WriteLink(c.Writer, c.Request, l)
}

// useLink handles the form of the page. The token is the credential, so a form that another site sends
// does nothing that its sender could not do alone.
func (s *server) useLink(c *gin.Context, path string, kind page.LinkKind) {
	l := page.Link{Kind: kind, Action: s.path(s.BasePath + path), Forgot: s.forgotPage()}
	p, err := readForm(c.Writer, c.Request)
	if err != nil {
		_ = c.Error(err)
		s.pages.WriteError(c.Writer, c.Request, err)
		return
	}
	l.Token = p["token"]
	call, token, next := callOf(c), link.Token(p["token"]), password.New(p["newPassword"])
	switch kind {
	case page.ForgotLink:
		l.Address = p["email"]
		l.Err = s.Recovery.Forgot(call.ctx(), l.Address, localeOf("", c.Request), call.from())
	case page.ResetLink:
		l.Err = s.Recovery.Reset(call.ctx(), token, next, call.from())
	case page.UndoLink:
		l.Err = s.Recovery.Undo(call.ctx(), token, next, call.from())
	case page.VerifyLink:
		l.Err = s.Recovery.Verify(call.ctx(), token, password.New(p["password"]), call.from())
	}
	if l.Err == nil {
		s.pages.WriteDone(c.Writer, c.Request, kind)
		return
	}
	if p["token"] == "" && kind != page.ForgotLink {
		l.Err = service.LinkInvalid(errors.New("the form has no token"))
	}
	if kind != page.ForgotLink && service.AsError(l.Err).Code != service.CodeLinkInvalid {
		// The link can be used again: the page shows the form once more.
		_ = s.findLink(call, &l) // without the address the page shows only the error
	}
	s.writeLink(c, l)
}
