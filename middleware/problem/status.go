package problem

import (
	"net/http"

	"latchkey/service"
)

// The actions that a client should take before it retries.
const (
	retryRefresh = "refresh"
	retryLogin   = "login"
	retryLater   = "later"
	retryVerify  = "verify"
)

// The challenges of a 401 (RFC 6750 3). They name the error only if the request had a token.
const (
	challenge             = `Bearer`
	challengeInvalidToken = `Bearer error="invalid_token"`
	challengeScope        = `Bearer error="insufficient_scope"`
	// RFC 9470 3: the last login is too long ago.
	challengeAuthentication = `Bearer error="insufficient_user_authentication"`
)

// kind is the response that belongs to an error code.
type kind struct {
	status    int
	title     string
	retry     string
	challenge string
}

// kindOf is the table of all errors.
func kindOf(code service.Code) kind {
	switch code {
	case service.CodeInvalidRequest:
		return kind{status: http.StatusBadRequest, title: "The request is invalid"}
	case service.CodePasswordRejected:
		return kind{status: http.StatusBadRequest, title: "The password is not acceptable"}
	case service.CodeTokenMissing:
		return kind{http.StatusUnauthorized, "No access token", retryLogin, challenge}
	case service.CodeTokenMalformed:
		return kind{http.StatusUnauthorized, "The access token is malformed", retryLogin, challengeInvalidToken}
	case service.CodeTokenInvalid:
		return kind{http.StatusUnauthorized, "The access token is invalid", retryRefresh, challengeInvalidToken}
	case service.CodeTokenExpired:
		return kind{http.StatusUnauthorized, "The access token has expired", retryRefresh, challengeInvalidToken}
	case service.CodeRefreshMissing:
		return kind{http.StatusUnauthorized, "No refresh token", retryLogin, challenge}
	case service.CodeRefreshMalformed:
		return kind{http.StatusUnauthorized, "The refresh token is malformed", retryLogin, challengeInvalidToken}
	case service.CodeRefreshInvalid:
		return kind{http.StatusUnauthorized, "The refresh token is invalid", retryLogin, challengeInvalidToken}
	case service.CodeRefreshExpired:
		return kind{http.StatusUnauthorized, "The session has expired", retryLogin, challengeInvalidToken}
	case service.CodeSessionRevoked:
		return kind{http.StatusUnauthorized, "The session has ended", retryLogin, challengeInvalidToken}
	case service.CodeRefreshReused:
		return kind{http.StatusUnauthorized, "The refresh token was used before", retryLogin, challengeInvalidToken}
	case service.CodeInvalidCredentials:
		return kind{http.StatusUnauthorized, "The username or the password is wrong", "", challenge}
	case service.CodePrivilegeDenied:
		return kind{status: http.StatusForbidden, title: "The privilege is insufficient"}
	case service.CodeInsufficientScope:
		return kind{status: http.StatusForbidden, title: "The scope is insufficient", challenge: challengeScope}
	case service.CodeInsufficientAuthentication:
		return kind{http.StatusUnauthorized, "The last login is too long ago", retryLogin, challengeAuthentication}
	case service.CodeCSRFDenied:
		return kind{status: http.StatusForbidden, title: "Cross-site request refused"}
	case service.CodeAccountDisabled:
		return kind{status: http.StatusForbidden, title: "The account is disabled"}
	case service.CodeEmailUnverified:
		return kind{http.StatusForbidden, "The email address is not verified", retryVerify, ""}
	case service.CodeLinkInvalid:
		return kind{status: http.StatusBadRequest, title: "The link is invalid, was used, or has expired"}
	case service.CodeMailUnavailable:
		return kind{http.StatusServiceUnavailable, "Mail is not configured", retryLater, ""}
	case service.CodeUndoPending:
		return kind{status: http.StatusConflict, title: "The email address can still be restored"}
	case service.CodePreconditionFailed:
		return kind{status: http.StatusPreconditionFailed, title: "The account has changed"}
	case service.CodeInvalidClient:
		return kind{http.StatusUnauthorized, "Client authentication failed", "", challenge}
	case service.CodeInvalidGrant:
		return kind{status: http.StatusBadRequest, title: "Invalid grant"}
	case service.CodeInvalidScope:
		return kind{status: http.StatusBadRequest, title: "Invalid scope"}
	case service.CodeUnauthorizedClient:
		return kind{status: http.StatusBadRequest, title: "The client is not authorized for this"}
	case service.CodeUnsupportedGrantType:
		return kind{status: http.StatusBadRequest, title: "Unsupported grant type"}
	case service.CodeUnsupportedResponseType:
		return kind{status: http.StatusBadRequest, title: "Unsupported response type"}
	case service.CodeAccessDenied:
		return kind{status: http.StatusForbidden, title: "The user denied access"}
	case service.CodeInvalidTarget:
		return kind{status: http.StatusBadRequest, title: "The resource is not one of the client's audiences"}
	case service.CodeClientTaken:
		return kind{status: http.StatusConflict, title: "The client ID is taken"}
	case service.CodeNotFound:
		return kind{status: http.StatusNotFound, title: "Not found"}
	case service.CodeMethodNotAllowed:
		return kind{status: http.StatusMethodNotAllowed, title: "Method not allowed"}
	case service.CodeUsernameTaken:
		return kind{status: http.StatusConflict, title: "The username is taken"}
	case service.CodeEmailTaken:
		return kind{status: http.StatusConflict, title: "The email address is taken"}
	case service.CodeLastAdministrator:
		return kind{status: http.StatusConflict, title: "The last enabled administrator is required"}
	case service.CodeBodyTooLarge:
		return kind{status: http.StatusRequestEntityTooLarge, title: "The body is too large"}
	case service.CodeUnsupportedMediaType:
		return kind{status: http.StatusUnsupportedMediaType, title: "The body must be JSON"}
	case service.CodeRateLimited:
		return kind{http.StatusTooManyRequests, "Too many requests", retryLater, ""}
	case service.CodeOverloaded:
		return kind{http.StatusServiceUnavailable, "The service is overloaded", retryLater, ""}
	case service.CodeStoreUnavailable:
		return kind{http.StatusServiceUnavailable, "A store is unavailable", retryLater, ""}
	case service.CodeInternal:
		return kind{status: http.StatusInternalServerError, title: "Something went wrong"}
	}
	return kind{status: http.StatusInternalServerError, title: "Something went wrong"}
}

// Status returns the status of an error on a page.
func Status(err error) int {
	code := service.AsError(err).Code
	k := kindOf(code)
	if code == service.CodeInvalidClient { // the user did not choose the client
		return http.StatusBadRequest
	}
	if k.status == http.StatusUnauthorized { // a 401 requires a challenge, and pages have none
		return http.StatusForbidden
	}
	return k.status
}
