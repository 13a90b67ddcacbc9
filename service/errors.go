package service

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// Code identifies an error for clients. The values are part of the API.
type Code string

// The error codes.
const (
	CodeInvalidRequest             Code = "invalid_request"
	CodePasswordRejected           Code = "password_rejected"
	CodeTokenMissing               Code = "token_missing"
	CodeTokenMalformed             Code = "token_malformed"
	CodeTokenInvalid               Code = "token_invalid"
	CodeTokenExpired               Code = "token_expired"
	CodeRefreshMissing             Code = "refresh_missing"
	CodeRefreshMalformed           Code = "refresh_malformed"
	CodeRefreshInvalid             Code = "refresh_invalid"
	CodeRefreshExpired             Code = "refresh_expired"
	CodeSessionRevoked             Code = "session_revoked"
	CodeRefreshReused              Code = "refresh_reused"
	CodeInvalidCredentials         Code = "invalid_credentials"
	CodePrivilegeDenied            Code = "privilege_denied"
	CodeCSRFDenied                 Code = "csrf_denied"
	CodeInsufficientScope          Code = "insufficient_scope"
	CodeInsufficientAuthentication Code = "insufficient_user_authentication"
	CodeInvalidClient              Code = "invalid_client"
	CodeInvalidGrant               Code = "invalid_grant"
	CodeInvalidScope               Code = "invalid_scope"
	CodeUnauthorizedClient         Code = "unauthorized_client"
	CodeUnsupportedGrantType       Code = "unsupported_grant_type"
	CodeUnsupportedResponseType    Code = "unsupported_response_type"
	CodeAccessDenied               Code = "access_denied"
	CodeInvalidTarget              Code = "invalid_target" // RFC 8707 2
	CodeClientTaken                Code = "client_taken"
	CodeLastAdministrator          Code = "last_administrator"
	CodeAccountDisabled            Code = "account_disabled"
	CodeEmailUnverified            Code = "email_unverified"
	CodeLinkInvalid                Code = "link_invalid"
	CodeMailUnavailable            Code = "mail_unavailable"
	CodeUndoPending                Code = "undo_pending"
	CodePreconditionFailed         Code = "precondition_failed"
	CodeNotFound                   Code = "not_found"
	CodeMethodNotAllowed           Code = "method_not_allowed"
	CodeUsernameTaken              Code = "username_taken"
	CodeEmailTaken                 Code = "email_taken"
	CodeBodyTooLarge               Code = "body_too_large"
	CodeUnsupportedMediaType       Code = "unsupported_media_type"
	CodeRateLimited                Code = "rate_limited"
	CodeOverloaded                 Code = "overloaded"
	CodeStoreUnavailable           Code = "store_unavailable"
	CodeInternal                   Code = "internal"
)

// Codes returns every code.
func Codes() []Code {
	return []Code{
		CodeInvalidRequest, CodePasswordRejected,
		CodeTokenMissing, CodeTokenMalformed, CodeTokenInvalid, CodeTokenExpired,
		CodeRefreshMissing, CodeRefreshMalformed, CodeRefreshInvalid, CodeRefreshExpired, CodeSessionRevoked, CodeRefreshReused,
		CodeInvalidCredentials, CodePrivilegeDenied, CodeCSRFDenied, CodeAccountDisabled, CodeEmailUnverified, CodeLinkInvalid, CodeMailUnavailable, CodeUndoPending, CodePreconditionFailed,
		CodeInsufficientScope, CodeInsufficientAuthentication,
		CodeInvalidClient, CodeInvalidGrant, CodeInvalidScope, CodeUnauthorizedClient, CodeUnsupportedGrantType, CodeUnsupportedResponseType, CodeAccessDenied, CodeInvalidTarget, CodeClientTaken,
		CodeNotFound, CodeMethodNotAllowed, CodeUsernameTaken, CodeEmailTaken, CodeLastAdministrator, CodeBodyTooLarge, CodeUnsupportedMediaType,
		CodeRateLimited, CodeOverloaded, CodeStoreUnavailable, CodeInternal,
	}
}

// Error is a failure that is reported to a client.
type Error struct {
	Code    Code
	Message string            // for people; contains neither internals nor input
	Fields  map[string]string // the problem of each field, if several fields can have one
	Err     error             // for the log only

	// SessionOver is set if the session of a refused refresh token has definitely ended, so that
	// the client may discard the token. A refusal for another reason, or an unavailable store, must
	// leave it unset.
	SessionOver bool
	// Refreshable is set if the client sent no usable access token but probably has a refresh
	// token.
	Refreshable bool
	// Scope is the scope that an insufficient_scope error requires (RFC 6749 3.3).
	Scope string
	// MaxAge is the maximum age of a login for an operation that requires a recent login.
	MaxAge time.Duration
	// RetryAfter is how long the client should wait before it retries.
	RetryAfter time.Duration
}

// Error returns the text of the error for the log.
func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Code) + ": " + e.Err.Error()
	}
	return string(e.Code) + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NewError returns an Error with a code and a message for people.
func NewError(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// AsError returns the *Error in err, or an internal Error that wraps err.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: "Something went wrong on our side.", Err: err}
}

// Explain returns an error for an operator: the message of an Error with its fields, or the cause
// if a store is unavailable or the error is internal.
func Explain(err error) error {
	e := AsError(err)
	switch e.Code { //nolint:exhaustive // the other codes have a message for people
	case CodeInternal:
		return err
	case CodeStoreUnavailable: // an operator needs the cause
		return cmp.Or(e.Err, err)
	}
	text := e.Message
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		if problem := e.Fields[field]; !strings.Contains(text, problem) {
			text += "\n  " + field + " " + problem
		}
	}
	return errors.New(text)
}
