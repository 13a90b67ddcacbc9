package controller

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"latchkey/service"
)

// maxForm limits the body of an OAuth request, in bytes.
const maxForm = 16 << 10

// params are the parameters of an OAuth request (RFC 6749 3.1, 3.2). A parameter must not
// appear twice, and an empty value counts as a missing parameter. A parameter that appeared
// twice is present with an empty value.
type params map[string]string

// readForm reads the body of a request as a form. It refuses parameters in the query, because
// logs contain queries.
func readForm(w http.ResponseWriter, r *http.Request) (params, error) {
	if r.URL.RawQuery != "" {
		return nil, service.NewError(service.CodeInvalidRequest, "Send the parameters in the body, not in the query.")
	}
	text, err := readFormBody(w, r)
	if err != nil {
		return nil, err
	}
	return parseParams(text)
}

// readFormBody reads a body that must be a form.
func readFormBody(w http.ResponseWriter, r *http.Request) (string, error) {
	if mediaType(r) != "application/x-www-form-urlencoded" {
		return "", service.NewError(service.CodeInvalidRequest, "The body must be application/x-www-form-urlencoded.")
	}
	body, err := readBody(w, r, maxForm)
	return strings.TrimPrefix(string(body), bom), err
}

// parseParams parses a query or a form body.
func parseParams(text string) (params, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, service.NewError(service.CodeInvalidRequest, "The parameters are not form-encoded.")
	}
	p := params{}
	var bad error
	for name, list := range values {
		switch {
		case len(list) > 1:
			p[name], bad = "", service.NewError(service.CodeInvalidRequest, "A parameter appears twice.")
		case !utf8.ValidString(list[0]) || strings.ContainsRune(list[0], 0):
			bad = service.NewError(service.CodeInvalidRequest, "A parameter is not valid UTF-8, or contains a NUL character.")
		case list[0] != "":
			p[name] = list[0]
		}
	}
	return p, bad
}
