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

// commonPasswordsGz is the compressed list of 15,769 of the most common passwords of 8 characters
// or more, in lower case and sorted. No policy allows shorter passwords. It is the list of zxcvbn
// (Dropbox, MIT licence; see docs/licences.md), made from published passwords.
//
//go:embed commonpasswords.txt.gz
var commonPasswordsGz []byte

// commonPasswords decompresses the list once.
var commonPasswords = sync.OnceValue(func() []string {
	z, err := gzip.NewReader(bytes.NewReader(commonPasswordsGz))
	if err != nil {
		panic(err) // embedded in the program
	}
	text, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return strings.Fields(string(text))
})

// common reports whether a password is on the list, without regard to case.
func common(p Password) bool {
	_, found := slices.BinarySearch(commonPasswords(), strings.ToLower(p.text))
	return found
}
