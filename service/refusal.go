package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/repository"
)

// StoreFailure wraps the error of a store operation with a description of the operation. The result
// is store_unavailable, and can be retried, if the store is unavailable or a deadline passed while
// the caller waited for it. Every other error is internal.
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

// Overloaded returns the error for work that must wait because the service is busy.
func Overloaded(err error) error {
	return &Error{
		Code: CodeOverloaded, Message: "The service is busy. Try again in a moment.",
		Err: err, RetryAfter: 2 * time.Second,
	}
}

// AccountDisabled returns the error for a user whom an administrator has disabled.
func AccountDisabled() error {
	return NewError(CodeAccountDisabled, "This account is disabled. Ask an administrator.")
}

// NoSuchAccount returns the error for a request that names an account that does not exist.
func NoSuchAccount() error { return NewError(CodeNotFound, "The account does not exist.") }

// PrivilegeChanged returns the error for an access token that is out of date: the user's privilege
// is lower now, or the session ended during the request.
func PrivilegeChanged() error {
	return NewError(CodeTokenExpired, "Your privileges or your session have changed. Refresh your token and try again.")
}

// InvalidRefresh returns the error for a refresh token that is not accepted. The reason appears in
// the log only.
func InvalidRefresh(err error) error {
	return &Error{Code: CodeRefreshInvalid, Message: "The refresh token is not valid. Log in again.", Err: err}
}

// RefreshExpired returns the error for a refresh token whose session has expired.
func RefreshExpired() error {
	return &Error{Code: CodeRefreshExpired, Message: "The session has expired. Log in again.", SessionOver: true}
}

// LastAdministrator returns the error for a change after which no enabled administrator would remain.
func LastAdministrator() error {
	return NewError(CodeLastAdministrator, "This is the last enabled administrator. Create or enable another administrator first.")
}

// AccountGone returns the error for a token whose user was deleted.
func AccountGone() error {
	return &Error{Code: CodeSessionRevoked, Message: "This account no longer exists.", SessionOver: true}
}

// LinkInvalid returns the error for a one-time link that cannot be used.
func LinkInvalid(err error) error {
	return &Error{Code: CodeLinkInvalid, Message: "This link is invalid, was used before, or has expired. Request a new one.", Err: err}
}

// UsernameTaken returns the error for a username that another account has.
func UsernameTaken() error { return FieldError(CodeUsernameTaken, "username", "is taken") }

// EmailTaken returns the error for an email address that another account has.
func EmailTaken() error { return FieldError(CodeEmailTaken, "email", "already has an account") }
