package access

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"latchkey/service"
)

// Found is a token that was found in a request.
type Found struct {
	Token    RawToken
	InCookie bool
	// Further tokens, from cookies with the same name.
	Others []RawToken
}

// AccessToken returns the access token from the headers Authorization and accesstoken, or else
// from its cookie. A header takes precedence over the cookie, because the cookie jar may hold a
// token of another tab. Authorization of another scheme, such as the Basic of a staging site's
// proxy, is not an access token: the search continues. It returns token_missing if there is no
// token, token_malformed if the value is not "Bearer <jwt>" or a bare JWT, and invalid_request
// if two headers differ.
func (ck Cookies) AccessToken(r *http.Request) (Found, error) {
	var text string
	missing := errAccessMissing
	for _, name := range [...]string{"Authorization", "Accesstoken"} {
		for _, value := range r.Header[name] {
			if name == "Authorization" && ofAnotherScheme(value) {
				if words := strings.Fields(value); looksLikeJWT(RawToken(words[len(words)-1])) {
					missing = errAccessScheme
				}
				continue
			}
			if value == "" {
				continue
			}
			if text != "" && bare(value) != bare(text) {
				return Found{}, service.NewError(service.CodeInvalidRequest,
					"The headers Authorization and accesstoken carry different tokens. Send one.")
			}
			text = value
		}
	}
	if text != "" {
		return sent(text, errAccessMalformed)
	}
	found, err := added(r, ck.names(ck.Access, accessName), missing, errAccessMalformed)
	if e := (*service.Error)(nil); errors.As(err, &e) && ck.Refreshable(r) {
		refreshable := *e
		refreshable.Refreshable = true
		err = &refreshable
	}
	return found, err
}

// Refreshable reports whether a browser probably has a refresh cookie: it sent that cookie, or
// the cookie that names its session.
func (ck Cookies) Refreshable(r *http.Request) bool {
	for _, name := range [...]string{ck.Refresh, ck.Session} {
		if name != "" && len(r.CookiesNamed(name)) > 0 {
			return true
		}
	}
	return false
}

// ofAnotherScheme reports whether a value of Authorization begins with a scheme (RFC 9110 11.4)
// that is not Bearer. A single word is a scheme only if clients send that scheme without credentials,
// because some clients send a token without a scheme.
func ofAnotherScheme(value string) bool {
	words := strings.Fields(value)
	if len(words) == 1 {
		return slices.Contains([]string{"basic", "digest", "negotiate", "ntlm"}, strings.ToLower(words[0]))
	}
	return len(words) > 1 && !strings.EqualFold(words[0], "bearer")
}

// RefreshToken returns the refresh token from the body, or else from the header refreshtoken,
// or else from its cookie. The errors are refresh_missing and refresh_malformed.
func (ck Cookies) RefreshToken(r *http.Request, inBody string) (Found, error) {
	if text := cmp.Or(inBody, r.Header.Get("refreshtoken")); text != "" {
		return sent(text, errRefreshMalformed)
	}
	return added(r, ck.names(ck.Refresh, refreshName), errRefreshMissing, errRefreshMalformed)
}

var (
	errAccessMissing    = service.NewError(service.CodeTokenMissing, "An access token is required. Log in or refresh.")
	errAccessScheme     = service.NewError(service.CodeTokenMissing, "The header Authorization has another scheme. The scheme must be Bearer: \"Authorization: Bearer <token>\".")
	errAccessMalformed  = service.NewError(service.CodeTokenMalformed, "The access token must be a JWT, sent as \"Authorization: Bearer <token>\".")
	errRefreshMissing   = service.NewError(service.CodeRefreshMissing, "A refresh token is required. Log in.")
	errRefreshMalformed = service.NewError(service.CodeRefreshMalformed, "The refresh token is not a JWT.")
)

// sent returns a token that the client sent explicitly.
func sent(text string, malformed *service.Error) (Found, error) {
	if token := bare(text); looksLikeJWT(token) {
		return Found{Token: token}, nil
	}
	return Found{}, whyMalformed(text, malformed)
}

// whyMalformed returns malformed. For a common mistake of clients it returns the same error
// with a message that names the mistake.
func whyMalformed(text string, malformed *service.Error) error {
	token := strings.TrimSpace(string(bare(text)))
	message := ""
	switch strings.ToLower(token) {
	case "", "bearer":
		message = "There is no token after \"Bearer\"."
	case "undefined", "null", "nan", "none", "[object object]":
		message = "The client sent a placeholder for \"no value\" instead of a token."
	}
	if _, twice := cutPrefixFold(token, "bearer "); twice {
		message = "The value contains \"Bearer\" twice. The accessToken of rtVerify already begins with it."
	}
	if message == "" {
		return malformed
	}
	e := *malformed
	e.Message = message
	return &e
}

// added returns the token, or several, that the browser added as cookies.
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

// bare removes the scheme, in upper or lower case (RFC 9110 11.1).
func bare(s string) RawToken {
	s = strings.TrimSpace(s)
	for _, scheme := range [...]string{"bearer ", "bearer\t"} { // some clients write a tab
		if rest, ok := cutPrefixFold(s, scheme); ok {
			return RawToken(strings.TrimLeft(rest, " \t"))
		}
	}
	return RawToken(s)
}

func looksLikeJWT(t RawToken) bool {
	return strings.Count(string(t), ".") == 2 && !strings.Contains(string(t), " ") && !strings.Contains(string(t), "\t")
}
