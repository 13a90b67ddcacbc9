package audit_test

import (
	"strings"
	"testing"

	"latchkey/service/audit"
)

func TestDescribeAgent(t *testing.T) {
	for header, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                           "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140":          "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile Safari/604.1": "Safari on iPhone",
		"okhttp/5.1.0":                         "okhttp/5.1.0",
		"":                                     "",
		"evil\r\n{\"level\":\"INFO\"}\x1b[31m": "evil{\"level\":\"INFO\"}[31m",
		"a\u009bb\u202ec":                      "abc",
		strings.Repeat("a", 63) + "ää":         strings.Repeat("a", 63),
	} {
		if got := audit.DescribeAgent(header); got != want {
			t.Errorf("%q is %q, want %q", header, got, want)
		}
	}
}
