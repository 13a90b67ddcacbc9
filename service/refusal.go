package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/repository"
)

// StoreFailure wraps an error of a store with what was being done. Trouble of
// the store, and a deadline that passed while waiting for it, is store
// unavailable and may be tried again; all else is internal.
func StoreFailure(doing string, err error) error {
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, repository.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Error{
			Code: CodeStoreUnavailable, Message: "A part of the service is unavailable. Try again in a moment.",
			Err: wrapped, RetryAfter: time.Second,
		}
	}
	return wrapped
}

// FieldError returns an error about one field of a request.
func FieldError(code Code, field, problem string) error {
	return &Error{Code: code, Message: "The " + field + " " + problem + ".", Fields: map[string]string{field: problem}}
}

// Overloaded is of work that nobody has time for now.
func Overloaded(err error) error {
	return &Error{
		Code: CodeOverloaded, Message: "The service is busy. Try again in a moment.",
		Err: err, RetryAfter: 2 * time.Second,
	}
}

// AccountDisabled is of a user whom an administrator has disabled.
func AccountDisabled() error {
	return NewError(CodeAccountDisabled, "This account is disabled. Ask an administrator.")
}

// NoSuchAccount is of a request that names an account that does not exist.
func NoSuchAccount() error { return NewError(CodeNotFound, "The account does not exist.") }

// PrivilegeChanged is of an access token that says more than is true by now: the
// privilege is lower, or the session ended while the request was under way.
func PrivilegeChanged() error {
	return NewError(CodeTokenExpired, "Your privileges or your session have changed. Refresh your token and try again.")
}

// InvalidRefresh is of a refresh token that is not accepted, for a reason that the log has.
func InvalidRefresh(err error) error {
	return &Error{Code: CodeRefreshInvalid, Message: "The refresh token is not valid. Log in again.", Err: err}
}

// RefreshExpired is of a refresh token whose session has expired.
func RefreshExpired() error {
	return &Error{Code: CodeRefreshExpired, Message: "The session has expired. Log in again.", SessionOver: true}
}

// AccountGone is of a token whose user was deleted.
func AccountGone() error {
	return &Error{Code: CodeSessionRevoked, Message: "This account no longer exists.", SessionOver: true}
}
