package access

import (
	"cmp"
	"net/http"
	"strings"

	"latchkey/service"
)

// Found is a token as it was found in a request.
type Found struct {
	Token    service.RawToken
	InCookie bool
	// Others are further tokens, from cookies of the same name.
	Others []service.RawToken
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
	if text := cmp.Or(a, b); text != "" {
		return sent(text, errAccessMalformed)
	}
	return added(r, ck.names(ck.Access, accessName), errAccessMissing, errAccessMalformed)
}

// RefreshToken finds the refresh token: the one of the body if there is one,
// else that of the header refreshtoken, else that of its cookie. The errors are
// refresh_missing and refresh_malformed.
func (ck Cookies) RefreshToken(r *http.Request, inBody string) (Found, error) {
	if text := cmp.Or(inBody, r.Header.Get("refreshtoken")); text != "" {
		return sent(text, errRefreshMalformed)
	}
	return added(r, ck.names(ck.Refresh, refreshName), errRefreshMissing, errRefreshMalformed)
}

var (
	errAccessMissing    = service.NewError(service.CodeTokenMissing, "This needs an access token. Log in first.")
	errAccessMalformed  = service.NewError(service.CodeTokenMalformed, "The access token must be sent as: Authorization: Bearer, a blank and the token.")
	errRefreshMissing   = service.NewError(service.CodeRefreshMissing, "This needs a refresh token. Log in first.")
	errRefreshMalformed = service.NewError(service.CodeRefreshMalformed, "The refresh token is not a JWT.")
)

// sent is a token that the client put there on purpose.
func sent(text string, malformed error) (Found, error) {
	if token := bare(text); looksLikeJWT(token) {
		return Found{Token: token}, nil
	}
	return Found{}, malformed
}

// added is a token, or several, that the browser added.
func added(r *http.Request, cookieNames []string, missing, malformed error) (Found, error) {
	values := cookies(r, cookieNames)
	found := Found{InCookie: len(values) > 0}
	for _, v := range values {
		if token := bare(v); !looksLikeJWT(token) {
			continue
		} else if found.Token == "" {
			found.Token = token
		} else {
			found.Others = append(found.Others, token)
		}
	}
	switch {
	case !found.InCookie:
		return found, missing
	case found.Token == "":
		return found, malformed
	}
	return found, nil
}

// bare takes the scheme off, in any case (RFC 9110 11.1).
func bare(s string) service.RawToken {
	rest, _ := cutPrefixFold(strings.TrimSpace(s), "bearer ")
	return service.RawToken(strings.TrimLeft(rest, " "))
}

func looksLikeJWT(t service.RawToken) bool {
	return strings.Count(string(t), ".") == 2 && !strings.Contains(string(t), " ") && !strings.Contains(string(t), "\t")
}
