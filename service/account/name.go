package account

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"latchkey/internal/hostname"
)

const (
	maxUsername = 64  // characters
	maxEmail    = 254 // bytes (RFC 5321 4.5.3.1.3, less the brackets)
)

// UsernameKey returns the form in which a username is compared (RFC 8265, UsernameCaseMapped), or a
// description of the problem with it.
func UsernameKey(name string) (key, problem string) {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxUsername {
		return "", "must be 1 to 64 characters long"
	}
	if strings.ContainsRune(name, '@') {
		return "", "must not contain an @, so that it differs from an email address"
	}
	key, err := precis.UsernameCaseMapped.CompareKey(name)
	if err != nil {
		return "", "must consist of letters, digits and punctuation, without spaces"
	}
	return key, ""
}

// EmailKey returns the form in which an email address is compared, or a description of the problem
// with it. Case is ignored, in the local part too: no provider distinguishes two users by case, but
// attackers would. The forms of an internationalized domain have one key, because they reach the
// same mailbox. Invisible characters are refused, because the address would look like another one.
func EmailKey(address string) (key, problem string) {
	const form = "must be an email address, as in ada@example.org"
	if len(address) > maxEmail {
		return "", "must be at most 254 bytes long"
	}
	if strings.ContainsFunc(address, invisible) {
		return "", "must not contain invisible characters"
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || strings.ContainsAny(address, "\" ") {
		return "", form
	}
	at := strings.LastIndexByte(address, '@')
	domain, err := hostname.Canonical(address[at+1:])
	if strings.HasPrefix(domain, "[") { // an address of the network, which a client could choose
		return "", form
	}
	if err != nil || !strings.Contains(domain, ".") && domain != "localhost" {
		return "", form
	}
	return strings.ToLower(norm.NFC.String(address[:at])) + "@" + domain, ""
}

// SearchKey returns the form in which the start of a username or of an email address is compared with
// the keys.
func SearchKey(text string) string {
	if key, err := precis.UsernameCaseMapped.CompareKey(text); err == nil && !strings.Contains(text, "@") {
		return key
	}
	if key, problem := EmailKey(text); problem == "" {
		return key
	}
	return strings.ToLower(norm.NFC.String(text))
}

// Trim removes the white space and invisible characters that phone keyboards and copied texts add
// around a username or an email address.
func Trim(name string) string {
	return strings.TrimFunc(name, func(r rune) bool { return unicode.IsSpace(r) || invisible(r) })
}

// invisible reports whether a character is normally not displayed, so that a text with it looks
// like the text without it (Unicode, Default_Ignorable_Code_Point and format characters).
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
