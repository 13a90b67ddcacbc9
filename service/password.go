package service

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxPassword is what bcrypt looks at, in bytes; it ignores the rest without a
// word, so a longer password is refused.
const maxPassword = 72

// Password is a password as a user typed it, in Unicode normal form C. It
// prints as REDACTED.
type Password struct{ text string }

// NewPassword normalizes what a user typed, so that the same characters from
// another keyboard are the same password. Nothing is trimmed.
func NewPassword(typed string) Password { return Password{norm.NFC.String(typed)} }

// String keeps the password out of logs.
func (Password) String() string { return "REDACTED" }

// GoString keeps the password out of dumps.
func (Password) GoString() string { return "REDACTED" }

// PasswordPolicy is what a new password must be (NIST SP 800-63B-4 3.1.1.2: a
// length, and no rules of composition).
type PasswordPolicy struct {
	MinLength int // characters
}

// Check returns what is wrong with a new password for a user of these names, or
// "".
func (pp PasswordPolicy) Check(p Password, username, email string) string {
	local, _, _ := strings.Cut(email, "@")
	switch {
	case utf8.RuneCountInString(p.text) < pp.MinLength:
		return fmt.Sprintf("must be at least %d characters long", pp.MinLength)
	case len(p.text) > maxPassword:
		return fmt.Sprintf("must be at most %d bytes long in UTF-8", maxPassword)
	case equalFold(p.text, username, email, local):
		return "must not be your own name or e-mail address"
	}
	return ""
}

func equalFold(s string, others ...string) bool {
	for _, o := range others {
		if strings.EqualFold(s, o) {
			return true
		}
	}
	return false
}
