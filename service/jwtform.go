package service

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// The limits of a token's form.
const (
	maxToken   = 8 << 10 // bytes
	maxMembers = 32      // of one JSON object
	maxDepth   = 4       // of objects and arrays in each other
)

// strictBase64 refuses padding and bits that do not count; it skips newlines, so
// the alphabet is checked beforehand.
var strictBase64 = base64.RawURLEncoding.Strict()

// checkForm refuses a token that two parsers might read differently, before one
// reads it: anything but three parts of canonical base64url (RFC 7515 2, 7.1),
// a header member that we do not set (crit, jwk, jku and their like are orders
// to the verifier, which takes none: RFC 8725 3.1, 3.10), a member that stands
// twice or whose name is escaped (RFC 8725 3.12, RFC 8259 4), and a date that is
// no whole number. Its errors wrap jwt.ErrTokenMalformed or
// jwt.ErrTokenUnverifiable, and repeat nothing of the token.
func checkForm(raw string) error {
	if len(raw) > maxToken {
		return fmt.Errorf("%w: longer than %d bytes", jwt.ErrTokenMalformed, maxToken)
	}
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, dots := strings.Cut(rest, ".")
	if !dots || header == "" || payload == "" || signature == "" {
		return fmt.Errorf("%w: not three parts", jwt.ErrTokenMalformed)
	}
	buf := make([]byte, 0, len(raw))
	head, err := decodePart(buf, header)
	if err != nil {
		return err
	}
	if err := walk(head, headerMember); err != nil {
		return fmt.Errorf("%w: header: %w", jwt.ErrTokenUnverifiable, err)
	}
	if _, err := decodePart(buf, signature); err != nil {
		return err
	}
	body, err := decodePart(buf, payload)
	if err != nil {
		return err
	}
	if err := walk(body, claimMember); err != nil {
		return fmt.Errorf("%w: claims: %w", jwt.ErrTokenUnverifiable, err)
	}
	return nil
}

func decodePart(buf []byte, part string) ([]byte, error) {
	for i := range len(part) {
		if c := part[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return nil, fmt.Errorf("%w: not base64url", jwt.ErrTokenMalformed)
		}
	}
	b, err := strictBase64.AppendDecode(buf, []byte(part))
	if err != nil {
		return nil, fmt.Errorf("%w: not canonical base64url", jwt.ErrTokenMalformed)
	}
	return b, nil
}

// headerMember allows the three members that we set, all of them strings.
func headerMember(name, value []byte) error {
	switch string(name) {
	case "alg", "typ", "kid":
		if value[0] != '"' {
			return errors.New("a member is no string")
		}
		return nil
	}
	return errors.New("an unknown member")
}

// claimMember demands whole numbers where others might round.
func claimMember(name, value []byte) error {
	switch string(name) {
	case "exp", "iat", "nbf", "auth_time", "gen", "privilege":
		if len(value) > 15 || bytes.ContainsFunc(value, func(r rune) bool { return r < '0' || r > '9' }) {
			return errors.New("a number is not whole, or not in range")
		}
		return nil
	}
	// A name that differs from one of ours in case alone would be read as ours
	// by a lenient parser.
	if bytes.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) {
		return errors.New("a member's name is not in lower case")
	}
	return nil
}
