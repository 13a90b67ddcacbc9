package service

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// Code names an error for clients. The values are part of the API.
type Code string

// The codes.
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

// Codes lists every code.
func Codes() []Code {
	return []Code{
		CodeInvalidRequest, CodePasswordRejected,
		CodeTokenMissing, CodeTokenMalformed, CodeTokenInvalid, CodeTokenExpired,
		CodeRefreshMissing, CodeRefreshMalformed, CodeRefreshInvalid, CodeRefreshExpired, CodeSessionRevoked, CodeRefreshReused,
		CodeInvalidCredentials, CodePrivilegeDenied, CodeCSRFDenied, CodeAccountDisabled,
		CodeInsufficientScope, CodeInsufficientAuthentication,
		CodeInvalidClient, CodeInvalidGrant, CodeInvalidScope, CodeUnauthorizedClient, CodeUnsupportedGrantType, CodeUnsupportedResponseType, CodeAccessDenied, CodeInvalidTarget, CodeClientTaken,
		CodeNotFound, CodeMethodNotAllowed, CodeUsernameTaken, CodeEmailTaken, CodeLastAdministrator, CodeBodyTooLarge, CodeUnsupportedMediaType,
		CodeRateLimited, CodeOverloaded, CodeStoreUnavailable, CodeInternal,
	}
}

// Error is a failure that a client is told about.
type Error struct {
	Code    Code
	Message string            // for people; holds no internals and no input
	Fields  map[string]string // what is wrong with each field, where several may be
	Err     error             // for the log only

	// SessionOver is set when the session of a refused refresh token is known
	// to be over, so that the client may forget it. A refusal for another
	// reason, or trouble of a store, must not make it do so.
	SessionOver bool
	// Refreshable is set when the client has no usable access token but can be expected to
	// have a refresh token.
	Refreshable bool
	// Scope is what an insufficient_scope demands, in the words of RFC 6749 3.3.
	Scope string
	// MaxAge is how old a log-in may be for what needs a recent one.
	MaxAge time.Duration
	// RetryAfter is how long a client should wait before it tries again.
	RetryAfter time.Duration
}

// Error implements error, for the log.
func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Code) + ": " + e.Err.Error()
	}
	return string(e.Code) + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NewError returns an error with a code and a message for people.
func NewError(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// AsError returns the *Error in err, or an internal one that wraps it.
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
	switch e.Code { //nolint:exhaustive // the others have a message for people
	case CodeInternal:
		return err
	case CodeStoreUnavailable: // an operator wants to know why
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
