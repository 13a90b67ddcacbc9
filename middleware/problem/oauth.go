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

// OAuth turns an error into what the OAuth endpoints say. The statuses that a
// deployment has chosen for the JSON API do not touch it.
func OAuth(err error) (status int, body OAuthError) {
	e := service.AsError(err)
	status, name := http.StatusBadRequest, string(e.Code)
	switch e.Code { //nolint:exhaustive // what is not listed is invalid_request, or keeps its name
	case service.CodeInvalidClient:
		status = http.StatusUnauthorized
	case service.CodeInvalidGrant, service.CodeInvalidScope, service.CodeUnauthorizedClient, service.CodeUnsupportedGrantType,
		service.CodeUnsupportedResponseType, service.CodeAccessDenied, service.CodeInvalidTarget:
	case service.CodeInvalidCredentials, service.CodeAccountDisabled, service.CodeRefreshMissing, service.CodeRefreshMalformed,
		service.CodeRefreshInvalid, service.CodeRefreshExpired, service.CodeSessionRevoked, service.CodeRefreshReused:
		name = string(service.CodeInvalidGrant)
	case service.CodeMethodNotAllowed:
		status, name = http.StatusMethodNotAllowed, string(service.CodeInvalidRequest)
	case service.CodeBodyTooLarge:
		status, name = http.StatusRequestEntityTooLarge, string(service.CodeInvalidRequest)
	case service.CodeRateLimited:
		status, name = http.StatusTooManyRequests, "temporarily_unavailable"
	case service.CodeOverloaded, service.CodeStoreUnavailable: // never invalid_grant: clients drop their session on that
		status, name = http.StatusServiceUnavailable, "temporarily_unavailable"
	case service.CodeInternal:
		status, name = http.StatusInternalServerError, "server_error"
	default:
		name = string(service.CodeInvalidRequest)
	}
	return status, OAuthError{Error: name, Description: printable(e.Message)}
}

// printable keeps to the characters of RFC 6749 5.2.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s)
}

// WriteOAuth answers an OAuth request with an error. A 401 says how a client can
// authenticate (RFC 9110 15.5.2), also if its secret came in the body.
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
	_ = json.NewEncoder(rw).Encode(body) // a client that has gone is nobody to tell
}

// Status is the status of an error for people: of a page.
func Status(err error) int {
	code := service.AsError(err).Code
	k := kindOf(code)
	if code == service.CodeInvalidClient { // which the user did not choose
		return http.StatusBadRequest
	}
	if k.status == http.StatusUnauthorized { // which demands a challenge, and pages have none
		return http.StatusForbidden
	}
	return k.status
}
