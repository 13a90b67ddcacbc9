package access

import (
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/token"
)

// Verifier checks an access token. Its errors are *Error.
type Verifier interface {
	VerifyAccess(raw RawToken) (Subject, error)
}

// Options configure a guard.
type Options struct {
	Verifier Verifier
	// Cookies names the cookies in which a token may come; the zero value: none.
	Cookies Cookies
	// CSRF is required if cookies are read.
	CSRF *CSRF
	// Problems writes refusals; nil: with the default statuses.
	Problems *problem.Writer
	// Now is the clock of RequireLoginWithin; nil: the system clock.
	Now func() time.Time
}

// Guard admits requests by their access token.
type Guard struct{ Options }

// New returns a guard.
func New(o Options) (*Guard, error) {
	if o.Verifier == nil {
		return nil, errors.New("access: a guard needs a Verifier")
	}
	if o.Cookies.Access != "" && o.CSRF == nil {
		return nil, errors.New("access: a guard that reads cookies needs CSRF")
	}
	if o.Problems == nil {
		problems, err := problem.New(nil)
		if err != nil {
			return nil, err
		}
		o.Problems = problems
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default for programs that have no clock of their own
	}
	return &Guard{o}, nil
}

// Authenticate checks the access token of a request, once, and then each requirement. It
// returns the context for the next handler.
func (g *Guard) Authenticate(r *http.Request, requirements ...Requirement) (context.Context, error) {
	ctx := r.Context()
	a, ok := ctx.Value(authenticatedKey{}).(authenticated)
	if !ok || a.by != g {
		subject, err := g.verify(r)
		if err != nil {
			return ctx, err
		}
		a = authenticated{g, subject}
		ctx = context.WithValue(ctx, authenticatedKey{}, a)
	}
	for _, requirement := range requirements {
		if err := requirement(a.subject, g.Now()); err != nil {
			return ctx, err
		}
	}
	return ctx, nil
}

func (g *Guard) verify(r *http.Request) (Subject, error) {
	found, err := g.Cookies.AccessToken(r)
	if err != nil {
		return Subject{}, err
	}
	if found.InCookie {
		if err := g.CSRF.Check(r); err != nil {
			return Subject{}, err
		}
	}
	if len(found.Others) == 0 {
		return g.Verifier.VerifyAccess(found.Token)
	}
	return g.best(append(found.Others, found.Token))
}

// best verifies the tokens that a browser has sent in cookies with one name, and returns the
// subject of the valid token that expires last. If none is valid and one has expired, it
// returns token_expired, which is the most useful error for the client. The error is about a
// foreign token only if all of them are foreign.
func (g *Guard) best(tokens []RawToken) (best Subject, err error) {
	good := false
	for _, raw := range tokens {
		subject, e := g.Verifier.VerifyAccess(raw)
		switch {
		case e == nil && (!good || subject.ExpiresAt.After(best.ExpiresAt)):
			best, good = subject, true
		case e != nil && (err == nil || token.SignedByAnother(err) || service.AsError(e).Code == service.CodeTokenExpired):
			err = e
		}
	}
	if good {
		return best, nil
	}
	return Subject{}, err
}

// AuthenticateOptional is Authenticate for a route that needs no access token. It also admits a
// request without a token. A token in a header must be valid. A cookie that does not verify is
// ignored, because the browser added it.
func (g *Guard) AuthenticateOptional(r *http.Request) (context.Context, error) {
	ctx, err := g.Authenticate(r)
	if g.CountsAsNone(r, err) {
		return ctx, nil
	}
	return ctx, err
}

// CountsAsNone reports whether a route that needs no access token may ignore the error of
// Authenticate.
func (g *Guard) CountsAsNone(r *http.Request, err error) bool {
	if err == nil {
		return false
	}
	switch service.AsError(err).Code { //nolint:exhaustive // all other codes are refusals
	case service.CodeTokenMissing:
		return true
	case service.CodeTokenMalformed, service.CodeTokenInvalid, service.CodeTokenExpired:
		return g.inCookie(r)
	}
	return false
}

// ForeignCookie reports whether Authenticate refused, with err, an access token that came in a
// cookie and that no key of the issuer signed. No later request can succeed with such a cookie,
// so the browser may delete it, unless it can refresh: the response could arrive after the response
// to a parallel refresh, and delete the new cookie.
func (g *Guard) ForeignCookie(r *http.Request, err error) bool {
	foreign := token.SignedByAnother(err) || service.AsError(err).Code == service.CodeTokenMalformed
	return foreign && g.inCookie(r)
}

func (g *Guard) inCookie(r *http.Request) bool {
	found, _ := g.Cookies.AccessToken(r)
	return found.InCookie
}

// RequireAccess admits requests with a valid access token.
func (g *Guard) RequireAccess(next http.Handler) http.Handler { return g.Require(next) }

// RequireSession admits users who have logged in. It refuses clients and impersonation tokens.
func (g *Guard) RequireSession(next http.Handler) http.Handler { return g.Require(next, Session) }

// RequirePrivilege admits users with at least this privilege.
func (g *Guard) RequirePrivilege(privilege int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return g.Require(next, Privilege(privilege)) }
}

// RequireScope admits tokens with all of these scopes.
func (g *Guard) RequireScope(scopes ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return g.Require(next, Scope(scopes...)) }
}

// RequireLoginWithin admits users whose last login is at most age ago. A refresh is not a
// login.
func (g *Guard) RequireLoginWithin(age time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return g.Require(next, LoginWithin(age)) }
}

// Require admits requests with a valid access token that meets every requirement.
func (g *Guard) Require(next http.Handler, requirements ...Requirement) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := g.Authenticate(r, requirements...)
		if err != nil {
			g.Problems.Write(ctx, w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
