package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/access"
)

// Access is the guards of package access, for Gin.
type Access struct {
	guard  *access.Guard
	forget *http.Cookie
}

// NewAccess returns the guards. Forget is sent to a browser whose access cookie was
// signed by no key of the issuer; nil: nothing is.
func NewAccess(guard *access.Guard, forget *http.Cookie) *Access { return &Access{guard, forget} }

// RequireAccess lets in who has a good access token.
func (a *Access) RequireAccess() gin.HandlerFunc { return a.Require() }

// OptionalAccess also admits a request without an access token, as AdmitOptional does.
func (a *Access) OptionalAccess() gin.HandlerFunc {
	return a.admit(func(r *http.Request) (context.Context, error) { return a.guard.Authenticate(r) }, a.guard.CountsAsNone)
}

// RequireSession lets in users who have logged in: not clients, and nobody who
// acts in a user's place.
func (a *Access) RequireSession() gin.HandlerFunc { return a.Require(access.Session) }

// RequirePrivilege lets in users of that privilege or a higher one.
func (a *Access) RequirePrivilege(privilege int) gin.HandlerFunc {
	return a.Require(access.Privilege(privilege))
}

// RequireScope lets in tokens that have every one of these scopes.
func (a *Access) RequireScope(scopes ...string) gin.HandlerFunc {
	return a.Require(access.Scope(scopes...))
}

// RequireLoginWithin lets in users who logged in no longer ago than that.
func (a *Access) RequireLoginWithin(age time.Duration) gin.HandlerFunc {
	return a.Require(access.LoginWithin(age))
}

// Require lets in who has a good access token that meets every demand.
func (a *Access) Require(demands ...access.Requirement) gin.HandlerFunc {
	return a.admit(func(r *http.Request) (context.Context, error) { return a.guard.Authenticate(r, demands...) }, nil)
}

func (a *Access) admit(admit func(*http.Request) (context.Context, error), ignore func(*http.Request, error) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, err := admit(c.Request)
		if err != nil && a.forget != nil && a.guard.ForeignCookie(c.Request, err) {
			http.SetCookie(c.Writer, a.forget)
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
