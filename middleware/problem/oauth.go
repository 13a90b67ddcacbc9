package problem

import (
	"encoding/json"
	"net/http"
	"strings"

	"latchkey/service"
)

// OAuthError is the body of an error of the OAuth endpoints (RFC 6749 5.2).
type OAuthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// OAuth returns the status and the body of an error at the OAuth endpoints. The statuses that a
// deployment has chosen for the JSON API do not apply.
func OAuth(err error) (status int, body OAuthError) {
	e := service.AsError(err)
	status, name := http.StatusBadRequest, string(e.Code)
	switch e.Code { //nolint:exhaustive // all other codes are invalid_request, or keep their name
	case service.CodeInvalidClient:
		status = http.StatusUnauthorized
	case service.CodeInvalidGrant, service.CodeInvalidScope, service.CodeUnauthorizedClient, service.CodeUnsupportedGrantType,
		service.CodeUnsupportedResponseType, service.CodeAccessDenied, service.CodeInvalidTarget:
	case service.CodeInvalidCredentials, service.CodeAccountDisabled, service.CodeEmailUnverified, service.CodeRefreshMissing, service.CodeRefreshMalformed,
		service.CodeRefreshInvalid, service.CodeRefreshExpired, service.CodeSessionRevoked, service.CodeRefreshReused:
		name = string(service.CodeInvalidGrant)
	case service.CodeMethodNotAllowed:
		status, name = http.StatusMethodNotAllowed, string(service.CodeInvalidRequest)
	case service.CodeBodyTooLarge:
		status, name = http.StatusRequestEntityTooLarge, string(service.CodeInvalidRequest)
	case service.CodeRateLimited:
		status, name = http.StatusTooManyRequests, "temporarily_unavailable"
	case service.CodeOverloaded, service.CodeStoreUnavailable: // never invalid_grant, because clients then drop their session
		status, name = http.StatusServiceUnavailable, "temporarily_unavailable"
	case service.CodeInternal:
		status, name = http.StatusInternalServerError, "server_error"
	default:
		name = string(service.CodeInvalidRequest)
	}
	return status, OAuthError{Error: name, Description: printable(e.Message)}
}

// printable returns a text with only the characters that RFC 6749 5.2 allows.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s)
}

// WriteOAuth writes an error as the response to an OAuth request. A 401 says how a client can
// authenticate (RFC 9110 15.5.2), even if its secret came in the body.
func WriteOAuth(rw http.ResponseWriter, err error) {
	status, body := OAuth(err)
	h := rw.Header()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="oauth", charset="UTF-8"`)
	}
	SetRetryAfter(h, err)
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body) // fails only if the client has disconnected
}
