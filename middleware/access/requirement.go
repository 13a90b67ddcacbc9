package access

import (
	"slices"
	"strings"
	"time"

	"latchkey/service"
)

// Requirement is a condition of a route on a valid access token.
type Requirement func(s Subject, now time.Time) error

// Session requires a user who has logged in.
func Session(s Subject, _ time.Time) error {
	if s.UserID == "" || s.SessionID == "" {
		return service.NewError(service.CodePrivilegeDenied, "This requires a user session, and the token has none. Log in.")
	}
	return nil
}

// Privilege requires a user with at least this privilege: 0 user, 1 manager, 2 administrator.
func Privilege(privilege int) Requirement {
	return func(s Subject, _ time.Time) error {
		if s.UserID == "" || s.Privilege < privilege {
			return service.NewError(service.CodePrivilegeDenied, "This requires a higher privilege.")
		}
		return nil
	}
}

// Scope requires a token with all of these scopes (RFC 6750 3.1).
func Scope(scopes ...string) Requirement {
	return func(s Subject, _ time.Time) error {
		has := strings.Fields(s.Scope)
		for _, scope := range scopes {
			if !slices.Contains(has, scope) {
				return &service.Error{
					Code: service.CodeInsufficientScope, Message: "The token does not have the required scope.",
					Scope: strings.Join(scopes, " "),
				}
			}
		}
		return nil
	}
}

// LoginWithin requires that the user's last login is at most age ago (RFC 9470 3).
func LoginWithin(age time.Duration) Requirement {
	return func(s Subject, now time.Time) error {
		if s.AuthTime.IsZero() || now.Sub(s.AuthTime) > age {
			return &service.Error{
				Code: service.CodeInsufficientAuthentication, Message: "This requires a recent login. Log in again.",
				MaxAge: age,
			}
		}
		return nil
	}
}
