package password

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the list
	"io"
	"slices"
	"strings"
	"sync"
)

// commonPasswords are 15,769 of the most common passwords of 8 characters or more,
// in lower case and sorted: shorter ones no policy allows. The list is that of
// zxcvbn (Dropbox, MIT licence; see docs/licences.md), made from passwords that
// were published.
//
//go:embed commonpasswords.txt.gz
var commonPasswordsGz []byte

// commonPasswords unpacks the list once.
var commonPasswords = sync.OnceValue(func() []string {
	z, err := gzip.NewReader(bytes.NewReader(commonPasswordsGz))
	if err != nil {
		panic(err) // it is part of the program
	}
	text, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return strings.Fields(string(text))
})

// common reports whether a password is on the list, in any case.
func common(p Password) bool {
	_, found := slices.BinarySearch(commonPasswords(), strings.ToLower(p.text))
	return found
}
