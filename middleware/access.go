package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/access"
)

// Access contains the guards of package access, for Gin.
type Access struct {
	guard  *access.Guard
	forget func(*http.Request) []*http.Cookie
}

// NewAccess returns the guards. If no key of the issuer signed the access cookie of a request, the
// response sets the cookies that forget returns, to delete it; nil: no cookies are set.
func NewAccess(guard *access.Guard, forget func(*http.Request) []*http.Cookie) *Access {
	return &Access{guard, forget}
}

// RequireAccess admits requests with a valid access token.
func (a *Access) RequireAccess() gin.HandlerFunc { return a.Require() }

// OptionalAccess also admits a request without an access token, like AuthenticateOptional.
func (a *Access) OptionalAccess() gin.HandlerFunc {
	return a.admit(func(r *http.Request) (context.Context, error) { return a.guard.Authenticate(r) }, a.guard.CountsAsNone)
}

// RequireSession admits users who have logged in. It refuses clients and impersonation tokens.
func (a *Access) RequireSession() gin.HandlerFunc { return a.Require(access.Session) }

// RequirePrivilege admits users with at least this privilege.
func (a *Access) RequirePrivilege(privilege int) gin.HandlerFunc {
	return a.Require(access.Privilege(privilege))
}

// RequireScope admits tokens with all of these scopes.
func (a *Access) RequireScope(scopes ...string) gin.HandlerFunc {
	return a.Require(access.Scope(scopes...))
}

// RequireLoginWithin admits users whose last login is at most age ago.
func (a *Access) RequireLoginWithin(age time.Duration) gin.HandlerFunc {
	return a.Require(access.LoginWithin(age))
}

// Require admits requests with a valid access token that meets every requirement.
func (a *Access) Require(requirements ...access.Requirement) gin.HandlerFunc {
	return a.admit(func(r *http.Request) (context.Context, error) { return a.guard.Authenticate(r, requirements...) }, nil)
}

func (a *Access) admit(admit func(*http.Request) (context.Context, error), ignore func(*http.Request, error) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, err := admit(c.Request)
		if err != nil && a.forget != nil && a.guard.ForeignCookie(c.Request, err) {
			for _, cookie := range a.forget(c.Request) {
				http.SetCookie(c.Writer, cookie)
			}
		}
		if err != nil && (ignore == nil || !ignore(c.Request, err)) {
			_ = c.Error(err)
			c.Abort()
			a.guard.Problems.Write(ctx, c.Writer, err)
			return
		}
		c.Request = c.Request.WithContext(ctx)
	}
}
