package jose

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// The limits of the form of a token.
const (
	MaxBytes   = 8 << 10 // bytes
	maxMembers = 32      // in one JSON object
	maxDepth   = 4       // of nested objects and arrays
)

// strictBase64 refuses padding and nonzero trailing bits. It skips newlines, so the alphabet is
// checked first.
var strictBase64 = base64.RawURLEncoding.Strict()

// Form is a parsed token whose content is not yet verified.
type Form struct {
	Alg, Typ, KID string // header members; empty: absent
	Signed        string // the signed text
	Signature     []byte
	Payload       []byte // decoded; parsed only after the signature is verified
}

// ParseForm parses a token, and refuses a token that two parsers could read differently. A token is
// three parts of canonical base64url (RFC 7515 2, 7.1). A header member that we do not set is
// refused: crit, jwk, jku and similar members give orders to the verifier, which accepts none (RFC
// 8725 3.1, 3.10). A repeated member, or one whose name is escaped, is refused too (RFC 8725 3.12,
// RFC 8259 4). The errors wrap jwt.ErrTokenMalformed or jwt.ErrTokenUnverifiable, and contain no
// part of the token.
func ParseForm(raw string) (Form, error) {
	var f Form
	if len(raw) > MaxBytes {
		return f, fmt.Errorf("%w: longer than %d bytes", jwt.ErrTokenMalformed, MaxBytes)
	}
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, dots := strings.Cut(rest, ".")
	if !dots || header == "" || payload == "" || signature == "" {
		return f, fmt.Errorf("%w: not three parts", jwt.ErrTokenMalformed)
	}
	head, err := decodePart(header)
	if err != nil {
		return f, err
	}
	if f.Payload, err = decodePart(payload); err != nil {
		return f, err
	}
	if f.Signature, err = decodePart(signature); err != nil {
		return f, err
	}
	if err := Walk(head, f.headerMember); err != nil {
		return f, fmt.Errorf("%w: header: %w", jwt.ErrTokenUnverifiable, err)
	}
	f.Signed = raw[:len(header)+1+len(payload)]
	return f, nil
}

// Members calls f with the name and the raw value of each member of the payload. The rules of the
// header apply to the payload too. Call it after the signature is verified.
func (f *Form) Members(member func(name, value []byte) error) error {
	if err := Walk(f.Payload, member); err != nil {
		return fmt.Errorf("%w: claims: %w", jwt.ErrTokenUnverifiable, err)
	}
	if !json.Valid(f.Payload) { // Walk checks the structure only
		return fmt.Errorf("%w: claims are not JSON", jwt.ErrTokenUnverifiable)
	}
	return nil
}

func decodePart(part string) ([]byte, error) {
	for i := range len(part) {
		if c := part[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return nil, fmt.Errorf("%w: not base64url", jwt.ErrTokenMalformed)
		}
	}
	b, err := strictBase64.DecodeString(part)
	if err != nil {
		return nil, fmt.Errorf("%w: not canonical base64url", jwt.ErrTokenMalformed)
	}
	return b, nil
}

// headerMember reads one of the three members that we set, which are plain strings.
func (f *Form) headerMember(name, value []byte) error {
	text, ok := plainText(value)
	if !ok {
		return errors.New("a member is not a plain string")
	}
	switch string(name) {
	case "alg":
		f.Alg = text
	case "typ":
		f.Typ = text
	case "kid":
		f.KID = text
	default:
		return errors.New("an unknown member")
	}
	return nil
}

// EncodeHeader returns the encoded JOSE header of a token that a key signs (RFC 7515 4).
func EncodeHeader(a Algorithm, kid, typ string) string {
	header, err := json.Marshal(struct {
		Alg Algorithm `json:"alg"`
		Kid string    `json:"kid"`
		Typ string    `json:"typ"`
	}{a, kid, typ})
	if err != nil {
		panic(err) // cannot fail for three strings
	}
	return b64.EncodeToString(header)
}
