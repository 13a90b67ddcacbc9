package config

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
)

// Secret is a setting that must not be printed. It prints, logs and encodes as REDACTED. Only
// Reveal returns its value.
type Secret struct {
	value string
}

const redacted = "REDACTED"

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value.
func (s Secret) Reveal() string { return s.value }

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.value == "" }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer, for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// minSecret is the minimum entropy for HS256, in bytes (RFC 7518 3.2).
const minSecret = 32

// leaked lists secrets that appear in articles, templates and documentation, in lower case. An
// attacker can sign tokens with them.
var leaked = []string{
	"hcujmwemscv3dwzktre7rg7se8bxdjvy",
	"your-256-bit-secret",
	"a-string-secret-at-least-256-bits-long",
	"your-super-secret-jwt-token-with-at-least-32-characters-long",
	"super-secret-jwt-token-with-at-least-32-characters-long",
	"this-is-a-very-long-secret-key-that-should-be-changed",
	"your-secret-key-at-least-32-characters-long",
	"please-change-me-please-change-me-please-change-me",
	"thisisthesecretkeythisisthesecretkey",
	"secretsecretsecretsecretsecretsecret",
}

// placeholders are values that remain if a variable was not replaced.
var placeholders = []string{"jwt_secret", "secret", "undefined", "null", "changeme", "change-me", "password", "replace", "example"}

// CheckSecret returns an error if a root secret is short or well known. The error says what to
// do and does not repeat the secret.
func CheckSecret(s Secret) error {
	const hint = "; generate one with: openssl rand -base64 48"
	value := strings.ToLower(strings.TrimSpace(s.Reveal()))
	for _, l := range leaked {
		if value == l {
			return errors.New("is a published secret" + hint)
		}
	}
	for _, p := range placeholders {
		// The placeholder alone, or repeated to reach the minimum length.
		if strings.Trim(strings.ReplaceAll(value, p, ""), "-_. ") == "" {
			return errors.New("is a placeholder" + hint)
		}
	}
	if len(s.Reveal()) < minSecret {
		return errors.New("must be 32 bytes or longer" + hint)
	}
	distinct := map[byte]bool{}
	for i := range len(value) {
		distinct[value[i]] = true
	}
	if len(distinct) < 8 {
		return errors.New("repeats itself" + hint)
	}
	return nil
}
