package middleware

import (
	"net/http"
	"strings"

	"latchkey/service"
)

// Found is a token as it was found in a request.
type Found struct {
	Token    service.RawToken
	InCookie bool
}

// AccessToken finds the access token: in Authorization or in the header
// accesstoken, else in its cookie. A header beats a cookie, since a tab may hold
// an older token than the jar. Token_missing when there is none,
// token_malformed when it is not "Bearer <jwt>" or a bare JWT, invalid_request
// when the two headers differ.
func (ck Cookies) AccessToken(r *http.Request) (Found, error) {
	a, b := r.Header.Get("Authorization"), r.Header.Get("accesstoken")
	if a != "" && b != "" && bare(a) != bare(b) {
		return Found{}, service.NewError(service.CodeInvalidRequest,
			"The headers Authorization and accesstoken carry different tokens. Send one.")
	}
	found := Found{}
	text := a
	if text == "" {
		text = b
	}
	if text == "" {
		text = cookie(r, ck.Access)
		found.InCookie = text != ""
	}
	if text == "" {
		return Found{}, service.NewError(service.CodeTokenMissing, "This needs an access token. Log in first.")
	}
	token := bare(text)
	if !looksLikeJWT(token) {
		return found, service.NewError(service.CodeTokenMalformed,
			"The access token must be sent as: Authorization: Bearer, a blank and the token.")
	}
	found.Token = token
	return found, nil
}

// RefreshToken finds the refresh token: the one of the body if there is one,
// else that of the header refreshtoken, else that of its cookie. The errors are
// refresh_missing and refresh_malformed.
func (ck Cookies) RefreshToken(r *http.Request, inBody string) (Found, error) {
	found := Found{}
	text := inBody
	if text == "" {
		text = r.Header.Get("refreshtoken")
	}
	if text == "" {
		text = cookie(r, ck.Refresh)
		found.InCookie = text != ""
	}
	if text == "" {
		return Found{}, service.NewError(service.CodeRefreshMissing, "This needs a refresh token. Log in first.")
	}
	token := bare(text)
	if !looksLikeJWT(token) {
		return found, service.NewError(service.CodeRefreshMalformed, "The refresh token is not a JWT.")
	}
	found.Token = token
	return found, nil
}

// bare takes the scheme off, in any case (RFC 9110 11.1).
func bare(s string) service.RawToken {
	rest, _ := cutPrefixFold(strings.TrimSpace(s), "bearer ")
	return service.RawToken(strings.TrimLeft(rest, " "))
}

func looksLikeJWT(t service.RawToken) bool {
	return strings.Count(string(t), ".") == 2 && !strings.ContainsAny(string(t), " \t")
}
