package hostname_test

import (
	"testing"

	"latchkey/internal/hostname"
)

func TestCanonicalHost_OneFormForEachHost(t *testing.T) {
	for host, want := range map[string]string{
		"Auth.Example.ORG": "auth.example.org", "bücher.example": "xn--bcher-kva.example", "XN--bcher-KVA.example": "xn--bcher-kva.example",
		"bu\u0308cher。example": "xn--bcher-kva.example", "my_app.example": "my_app.example", "r3---sn.example": "r3---sn.example",
		"localhost": "localhost", "127.0.0.1": "127.0.0.1", "0:0:0:0:0:0:0:1": "::1", "2001:DB8::1": "2001:db8::1", "::ffff:1.2.3.4": "::ffff:102:304",
	} {
		if got, err := hostname.CanonicalHost(host); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", host, got, err, want)
		}
	}
	for _, host := range []string{"", "example.org.", "127.1", "0x7f.1", "example.0x1", "fe80::1%eth0", "a b.example", "xn--zzzzzzzz.example", "*.example.org", "a\u00ad.exam\x00ple", "a..example.org", ".example.org"} {
		if got, err := hostname.CanonicalHost(host); err == nil {
			t.Errorf("%q is accepted as %q", host, got)
		}
	}
}
