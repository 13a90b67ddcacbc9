package controller

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/service"
)

// parameter takes the text of a parameter of a URL, and returns the problem with it, or "".
type parameter func(text string) (problem string)

// parameters reads the query of a URL. An unknown parameter is an error, because a filter with a typing
// error would select everything. An empty parameter counts as absent, as forms send it. All problems
// are reported at once.
func parameters(u *url.URL, known map[string]parameter) error {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return service.NewError(service.CodeInvalidRequest, "The query of the URL is not form-encoded.")
	}
	fields := map[string]string{}
	for name, list := range values {
		take, found := known[name]
		switch {
		case !found:
			fields[name] = "is not a parameter; the parameters are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
		case len(list) > 1:
			fields[name] = "must be given once"
		case list[0] == "":
		default:
			if problem := take(list[0]); problem != "" {
				fields[name] = problem
			}
		}
	}
	if len(fields) > 0 {
		return &service.Error{Code: service.CodeInvalidRequest, Message: "Some parameters are invalid.", Fields: fields}
	}
	return nil
}

// textParameter stores the text of a parameter.
func textParameter(into *string) parameter {
	return func(text string) string {
		*into = text
		return ""
	}
}

// parsed stores the value of a parameter.
func parsed[T any](into *T, parse func(string) (T, error), problem string) parameter {
	return func(text string) string {
		value, err := parse(text)
		if err != nil {
			return problem
		}
		*into = value
		return ""
	}
}

// optional returns a parser for a value that may be absent.
func optional[T any](parse func(string) (T, error)) func(string) (*T, error) {
	return func(text string) (*T, error) {
		value, err := parse(text)
		return &value, err
	}
}

func boolean(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, strconv.ErrSyntax
	}
	return text == "true", nil
}

func positive(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err == nil && n < 1 {
		return 0, strconv.ErrRange
	}
	return n, err
}

const notATime = "must be a time, as in 2026-03-01 or 2026-03-01T12:00:00Z"

// moment parses a time or a date in UTC.
func moment(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Parse(time.DateOnly, text)
	}
	return t, nil
}
