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

// clientCredentials returns the credentials of a client (RFC 6749 2.3.1): from HTTP Basic, from
// client_id and client_secret in the body, or, for a public client, from client_id alone. It
// returns invalid_request if a client uses two methods at once, as the RFC requires. An
// Authorization header of another scheme is not client authentication; an application may add
// Bearer to all its requests.
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

// basic reads an HTTP Basic header whose parts are form-encoded (RFC 6749 2.3.1).
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
