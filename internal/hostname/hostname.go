package hostname

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Canonical returns a host name in lower case, with A-labels where it is
// internationalized (RFC 5890 2.3.2.1). A name in ASCII is otherwise left as it is.
func Canonical(name string) (string, error) {
	name = strings.ToLower(name)
	if ascii(name) && !strings.Contains(name, "xn--") {
		return name, nil
	}
	return idna.Lookup.ToASCII(name)
}

// CanonicalHost is Canonical for a host of a URL, which may also be an address, as
// url.URL.Hostname returns it. It returns an error for hosts that browsers read differently or
// refuse: a name that ends in a dot or in a number (URL Standard, 3.5).
func CanonicalHost(host string) (string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return "", errors.New("an address must not have a zone")
		}
		if b := a.As16(); a.Is4In6() { // browsers write no dots in an IPv6 address (URL Standard, 3.5)
			return fmt.Sprintf("::ffff:%x:%x", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15])), nil
		}
		return a.String(), nil
	}
	host, err := Canonical(host)
	if err != nil {
		return "", err
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "":
		return "", errors.New("a host must not be empty or end with a dot")
	case strings.HasPrefix(host, ".") || strings.Contains(host, ".."):
		return "", errors.New("a part between two dots is empty")
	case strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x"):
		return "", errors.New("not a name and not an address")
	case strings.ContainsFunc(host, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_.", r) }):
		return "", errors.New("a host may contain only letters, digits, hyphens and dots")
	}
	return host, nil
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
