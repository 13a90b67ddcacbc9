package controller

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"latchkey/service"
	"latchkey/service/oauth"
)

// clientCredentials finds how a client says who it is (RFC 6749 2.3.1): by HTTP
// Basic, by client_id and client_secret in the body, or, if it is public, by
// client_id alone. Two ways at once are invalid_request, as the RFC has it. Authorization
// of another scheme, such as the Bearer that an application adds to all its requests, is
// no client authentication.
func clientCredentials(r *http.Request, p params) (c oauth.ClientCredentials, err error) {
	header := r.Header.Get("Authorization")
	if scheme, _, _ := strings.Cut(header, " "); !strings.EqualFold(scheme, "basic") {
		if p["client_id"] == "" {
			return c, &service.Error{Code: service.CodeInvalidClient, Message: "The client must authenticate. Send HTTP Basic, or client_id in the body."}
		}
		return oauth.ClientCredentials{ID: p["client_id"], Secret: oauth.ClientSecret(p["client_secret"])}, nil
	}
	c, err = basic(header)
	switch {
	case err != nil:
		return c, &service.Error{Code: service.CodeInvalidClient, Message: "The Authorization header is not valid HTTP Basic.", Err: err}
	case p["client_secret"] != "":
		return c, service.NewError(service.CodeInvalidRequest, "The client sent two credentials, HTTP Basic and client_secret. Send one.")
	case p["client_id"] != "" && p["client_id"] != c.ID:
		return c, service.NewError(service.CodeInvalidRequest, "client_id differs from the client in the Authorization header.")
	}
	return c, nil
}

// basic reads a header of HTTP Basic whose parts are form-encoded (RFC 6749
// 2.3.1).
func basic(header string) (oauth.ClientCredentials, error) {
	_, text, _ := strings.Cut(header, " ")
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return oauth.ClientCredentials{}, errors.New("not base64")
	}
	user, password, found := strings.Cut(string(decoded), ":")
	id, err := url.QueryUnescape(user)
	if !found || err != nil || id == "" {
		return oauth.ClientCredentials{}, errors.New("not a form-encoded user and password")
	}
	secret, err := url.QueryUnescape(password)
	if err != nil {
		return oauth.ClientCredentials{}, errors.New("not a form-encoded user and password")
	}
	return oauth.ClientCredentials{ID: id, Secret: oauth.ClientSecret(secret)}, nil
}
