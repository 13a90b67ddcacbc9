package access

import (
	"slices"
	"strings"
	"time"

	"latchkey/service"
)

// Requirement is what a route wants of whoever has a good access token, beyond that.
type Requirement func(s Subject, now time.Time) error

// Session demands a user who has logged in.
func Session(s Subject, _ time.Time) error {
	if s.UserID == "" || s.SessionID == "" {
		return service.NewError(service.CodePrivilegeDenied, "This requires a user session, and the token has none. Log in.")
	}
	return nil
}

// Privilege demands a user of that privilege or a higher one: 0 user, 1 manager,
// 2 administrator.
func Privilege(privilege int) Requirement {
	return func(s Subject, _ time.Time) error {
		if s.UserID == "" || s.Privilege < privilege {
			return service.NewError(service.CodePrivilegeDenied, "This requires a higher privilege.")
		}
		return nil
	}
}

// Scope demands a token that has every one of these scopes (RFC 6750 3.1).
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

// LoginWithin demands that the user logged in no longer ago than that (RFC 9470
// 3).
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
