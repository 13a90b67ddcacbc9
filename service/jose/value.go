package jose

import (
	"bytes"
	"encoding/json"
	"errors"
)

// ErrCase is the error of a JSON object with a member whose name is not in lower case.
var ErrCase = errors.New("a member's name is not in lower case")

// Text parses a JSON string.
func Text(value []byte) (string, error) {
	if s, ok := plainText(value); ok {
		return s, nil
	}
	var s *string
	if json.Unmarshal(value, &s) != nil || s == nil {
		return "", errors.New("a claim has the wrong type")
	}
	return *s, nil
}

// Texts parses a JSON string or an array of strings (RFC 7519 4.1.3).
func Texts(value []byte) ([]string, error) {
	if s, ok := plainText(value); ok {
		return []string{s}, nil
	}
	var list []string
	if json.Unmarshal(value, &list) != nil {
		return nil, errors.New("a claim has the wrong type")
	}
	return list, nil
}

// plainText parses a JSON string of printable ASCII without escapes.
func plainText(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	text := value[1 : len(value)-1]
	for _, c := range text {
		if c < ' ' || c > '~' || c == '\\' {
			return "", false
		}
	}
	return string(text), true
}

// WholeNumber parses an integer that every parser reads alike, including parsers that read all
// numbers as floating point (RFC 8259 6).
func WholeNumber(value []byte) (int64, error) {
	const digits, exact = 16, 1 << 53
	if len(value) > digits || len(value) > 1 && value[0] == '0' {
		return 0, errNotWhole
	}
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, errNotWhole
		}
		n = n*10 + int64(c-'0')
	}
	if n > exact {
		return 0, errNotWhole
	}
	return n, nil
}

var errNotWhole = errors.New("a number is not whole, or not in range")

// LowerCase reports whether a name has no upper-case letter. A lenient parser would read a name
// that differs from one of ours only in case as ours.
func LowerCase(name []byte) bool {
	return !bytes.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' })
}
