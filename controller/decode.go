package controller

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"latchkey/service"
)

// maxBody limits the body of a request, in bytes.
const maxBody = 64 << 10

// bom is the byte order mark in UTF-8. Some clients write it before a body.
const bom = "\uFEFF"

// empty is the body of a request that has none.
type empty struct{}

// decode reads a JSON object into the fields of Req: strings, ints, bools and lists of strings.
// A field tagged `json:"name"` is required, unless it is a pointer. Unknown members are
// ignored. All problems with the fields are reported at once. A request without a body counts
// as an empty object. If Req is empty, the body is not read.
func decode[Req any](w http.ResponseWriter, r *http.Request) (Req, error) {
	var req Req
	v := reflect.ValueOf(&req).Elem()
	if v.NumField() == 0 {
		return req, nil
	}
	members, err := readObject(w, r)
	if err != nil {
		return req, err
	}
	wrong := map[string]string{}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		raw, ok := members[name]
		optional := v.Field(i).Kind() == reflect.Pointer
		switch {
		case !ok || string(raw) == "null":
			if !optional {
				wrong[name] = "is missing"
			}
		case json.Unmarshal(raw, v.Field(i).Addr().Interface()) != nil:
			wrong[name] = "must be " + describe(v.Type().Field(i).Type)
		default:
			if problem := badText(raw, v.Field(i)); problem != "" {
				wrong[name] = problem
			}
		}
	}
	if len(wrong) > 0 {
		return req, &service.Error{
			Code: service.CodeInvalidRequest, Message: "Some fields are missing or of the wrong type.", Fields: wrong,
		}
	}
	return req, nil
}

// badText returns the problem with a text that is valid JSON but cannot be stored. A NUL cannot
// be kept in any store. The decoder replaces half a surrogate pair, so that different texts
// would become equal. JSON writes both as escapes.
func badText(raw json.RawMessage, field reflect.Value) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return ""
	}
	value := fmt.Sprint(reflect.Indirect(field))
	const replaced = "\uFFFD"
	written := bytes.Count(raw, []byte(replaced)) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
	switch {
	case strings.ContainsRune(value, 0):
		return "must not contain a NUL character"
	case strings.Count(value, replaced) > written:
		return "must not contain half a surrogate pair"
	}
	return ""
}

// readObject reads one JSON object and nothing after it. No body, white space, null and {} are
// equivalent.
// It skips a byte order mark (RFC 8259 8.1). It refuses a member that appears twice: two
// parsers would read different values (RFC 8259 4).
func readObject(w http.ResponseWriter, r *http.Request) (map[string]json.RawMessage, error) {
	body, err := readBody(w, r, maxBody)
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte(bom)))
	if len(body) == 0 {
		return nil, nil
	}
	if mediaType(r) != "application/json" {
		return nil, service.NewError(service.CodeUnsupportedMediaType, "Send JSON, with the header Content-Type: application/json.")
	}
	if !utf8.Valid(body) {
		return nil, malformed("The body is not valid UTF-8.", nil)
	}
	if string(body) == "null" {
		return nil, nil
	}
	return readMembers(body)
}

// readMembers reads the members of one JSON object.
func readMembers(body []byte) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, malformed("The body is not a JSON object.", err)
	}
	for d.More() {
		token, err := d.Token()
		name, isText := token.(string)
		if err != nil || !isText {
			return nil, malformed("The body is not a JSON object.", err)
		}
		if _, twice := members[name]; twice {
			return nil, malformed("A member appears twice in the body.", nil)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, malformed("The body is not a JSON object.", err)
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed("The body is not a JSON object.", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("The body has data after the JSON object.", err)
	}
	return members, nil
}

// readBody reads a body of at most limit bytes. It refuses a compressed body, because the
// expanded size has no limit.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	compressed := service.NewError(service.CodeUnsupportedMediaType, "Send the body without compression (no header Content-Encoding).")
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, compressed
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, service.NewError(service.CodeBodyTooLarge, fmt.Sprintf("The body must be at most %d bytes long.", limit))
	case err != nil:
		return nil, malformed("The body is incomplete.", err)
	case bytes.HasPrefix(body, []byte("\x1f\x8b")): // gzip (RFC 1952 2.3.1), which no text begins with
		return nil, compressed
	}
	return body, nil
}

// mediaType returns the Content-Type of a request in lower case, without parameters. The
// charset that clients name is often wrong, so the bytes are checked instead.
func mediaType(r *http.Request) string {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

func malformed(message string, err error) error {
	return &service.Error{Code: service.CodeInvalidRequest, Message: message, Err: err}
}

func describe(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() { //nolint:exhaustive // the fields are of these kinds
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list of strings"
	}
	return "a whole number"
}
