package catalog

import "embed"

//go:embed mail
var mails embed.FS

// Mail returns the text of a kind of mail in a locale. It returns an error for an unknown kind.
func Mail(kind, locale string) (string, error) {
	b, err := mails.ReadFile("mail/" + Or(locale) + "/" + kind + ".txt")
	return string(b), err
}
