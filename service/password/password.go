package password

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxPassword is the maximum length in bytes. Bcrypt silently ignores further bytes, so a longer
// password is refused.
const maxPassword = 72

// Password is a password as a user typed it, in Unicode normal form C. It
// prints as REDACTED.
type Password struct{ text string }

// New returns a Password from the text that a user typed. It normalizes the text, so that the same
// characters from another keyboard give the same password. It does not trim the text.
func New(typed string) Password { return Password{norm.NFC.String(typed)} }

// String keeps the password out of logs.
func (Password) String() string { return "REDACTED" }

// Reveal returns the password itself.
func (p Password) Reveal() string { return p.text }

// Empty reports whether the password has no characters.
func (p Password) Empty() bool { return p.text == "" }

// GoString keeps the password out of dumps.
func (Password) GoString() string { return "REDACTED" }

// Policy is the policy for new passwords (NIST SP 800-63B-4 3.1.1.2: a length, and no composition
// rules).
type Policy struct {
	MinLength int         // characters
	Service   string      // the name of the service, which is not accepted as a password
	Breached  *BreachFile // publicly known passwords; nil: no list
}

// Check returns the problem with a new password for a user with these names, or "". It returns an
// error if the breach file cannot be read.
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

// Names returns the names that a password must not equal.
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
