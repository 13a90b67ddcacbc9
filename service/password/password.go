package password

import (
	"fmt"
	"slices"
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

// New normalizes what a user typed, so that the same characters from
// another keyboard are the same password. Nothing is trimmed.
func New(typed string) Password { return Password{norm.NFC.String(typed)} }

// String keeps the password out of logs.
func (Password) String() string { return "REDACTED" }

// Reveal returns the password itself.
func (p Password) Reveal() string { return p.text }

// GoString keeps the password out of dumps.
func (Password) GoString() string { return "REDACTED" }

// Policy is what a new password must be (NIST SP 800-63B-4 3.1.1.2: a
// length, and no rules of composition).
type Policy struct {
	MinLength int         // characters
	Service   string      // a name of ours that is no password
	Breached  *BreachFile // passwords that are known to others; nil: none is
}

// Check returns what is wrong with a new password for a user of these names, or
// "". Its error is that of the breach file.
func (pp Policy) Check(p Password, username, email string) (problem string, err error) {
	switch {
	case !utf8.ValidString(p.text) || strings.ContainsRune(p.text, 0):
		return "must be valid UTF-8 without a NUL character", nil
	case utf8.RuneCountInString(p.text) < pp.MinLength:
		return fmt.Sprintf("must be at least %d characters long", pp.MinLength), nil
	case len(p.text) > maxPassword:
		return fmt.Sprintf("must be at most %d bytes long in UTF-8", maxPassword), nil
	case equalFold(p.text, pp.Names(username, email)...):
		return "must not be your own name or email address, or the name of this service", nil
	case common(p):
		return "is one of the most common passwords", nil
	}
	if pp.Breached == nil {
		return "", nil
	}
	breached, err := pp.Breached.Has(p)
	if breached {
		problem = "appeared in a data breach of another service"
	}
	return problem, err
}

// Names are what a password must not be.
func (pp Policy) Names(username, email string) []string {
	local, _, _ := strings.Cut(email, "@")
	return notEmptyOf(username, email, local, pp.Service, "latchkey")
}

func notEmptyOf(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func equalFold(s string, others ...string) bool {
	for _, o := range others {
		if strings.EqualFold(s, o) {
			return true
		}
	}
	return false
}
