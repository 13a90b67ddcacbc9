package middleware

import (
	"context"

	"github.com/gin-gonic/gin"

	"latchkey/controller/problem"
	"latchkey/service"
)

// AccessVerifier checks an access token without I/O.
type AccessVerifier interface {
	VerifyAccess(raw service.RawToken) (service.Subject, error)
}

// Access guards routes by the access token, and by nothing else.
type Access struct {
	verifier AccessVerifier
	cookies  Cookies
	csrf     *CSRF
	problems *problem.Writer
}

// NewAccess returns the guard.
func NewAccess(v AccessVerifier, cookies Cookies, csrf *CSRF, problems *problem.Writer) *Access {
	return &Access{verifier: v, cookies: cookies, csrf: csrf, problems: problems}
}

type subjectKey struct{}

// Subject returns who the access token of a request speaks for; false where no
// guard let one in.
func Subject(ctx context.Context) (service.Subject, bool) {
	s, ok := ctx.Value(subjectKey{}).(service.Subject)
	return s, ok
}

// Require lets in who has a good access token.
func (a *Access) Require() gin.HandlerFunc {
	return func(c *gin.Context) { a.admit(c, false) }
}

// Optional lets in who has none as well; a token that is sent must be good.
func (a *Access) Optional() gin.HandlerFunc {
	return func(c *gin.Context) { a.admit(c, true) }
}

// RequireSession lets in, after Require, whose token belongs to a session: a
// user who has logged in.
func (a *Access) RequireSession() gin.HandlerFunc {
	return func(c *gin.Context) {
		if s, ok := Subject(c.Request.Context()); !ok || s.SessionID == "" {
			a.refuse(c, service.NewError(service.CodePrivilegeDenied, "This is for users who have logged in; this token has no session."))
		}
	}
}

func (a *Access) refuse(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
	a.problems.Write(c.Writer, RequestID(c.Request.Context()), err)
}

func (a *Access) admit(c *gin.Context, optional bool) {
	subject, err := a.verify(c)
	if err != nil {
		if optional && service.AsError(err).Code == service.CodeTokenMissing {
			return
		}
		a.refuse(c, err)
		return
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), subjectKey{}, subject))
}

func (a *Access) verify(c *gin.Context) (service.Subject, error) {
	found, err := a.cookies.AccessToken(c.Request)
	if err != nil {
		return service.Subject{}, err
	}
	if found.InCookie {
		if err := a.csrf.Check(c.Request); err != nil {
			return service.Subject{}, err
		}
	}
	return a.verifier.VerifyAccess(found.Token)
}
