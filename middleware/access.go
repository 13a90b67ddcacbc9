package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/access"
)

// Access is the guards of package access, for Gin.
type Access struct{ guard *access.Guard }

// NewAccess returns the guards.
func NewAccess(guard *access.Guard) *Access { return &Access{guard} }

// RequireAccess lets in who has a good access token.
func (a *Access) RequireAccess() gin.HandlerFunc { return a.Require() }

// OptionalAccess lets in who has none as well; a token that is sent must be
// good.
func (a *Access) OptionalAccess() gin.HandlerFunc { return a.admit(a.guard.AdmitOptional) }

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
func (a *Access) Require(demands ...access.Demand) gin.HandlerFunc {
	return a.admit(func(r *http.Request) (context.Context, error) { return a.guard.Admit(r, demands...) })
}

func (a *Access) admit(admit func(*http.Request) (context.Context, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, err := admit(c.Request)
		if err != nil {
			_ = c.Error(err)
			c.Abort()
			a.guard.Problems.Write(ctx, c.Writer, err)
			return
		}
		c.Request = c.Request.WithContext(ctx)
	}
}
