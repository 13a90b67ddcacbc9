package audit

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAgent is the maximum length of a stored agent in bytes. A longer value would turn the small
// hash of a session in Redis into a large one.
const maxAgent = 64

// browsers and systems are searched in this order, because a browser's header also contains the
// names that follow its own.
var (
	browsers = [][2]string{
		{"Edg", "Edge"},
		{"OPR", "Opera"},
		{"SamsungBrowser", "Samsung Internet"},
		{"Firefox", "Firefox"},
		{"FxiOS", "Firefox"},
		{"CriOS", "Chrome"},
		{"Chrome", "Chrome"},
		{"Safari", "Safari"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	}
)

// DescribeAgent turns a User-Agent header into a short description for a list of sessions, such as
// "Firefox on Linux". For an unknown client it returns the start of the header without invisible
// characters.
func DescribeAgent(header string) string {
	if strings.HasPrefix(header, "Mozilla/") {
		if browser, system := find(browsers, header), find(systems, header); browser != "" && system != "" {
			return browser + " on " + system
		}
	}
	header = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, header)
	for len(header) > maxAgent {
		_, size := utf8.DecodeLastRuneInString(header)
		header = header[:len(header)-size]
	}
	return header
}

// IsBrowser reports whether a description is one of a known browser. Such a description contains no
// text of the client.
func IsBrowser(description string) bool {
	browser, system, ok := strings.Cut(description, " on ")
	named := func(names [][2]string, name string) bool {
		return slices.ContainsFunc(names, func(n [2]string) bool { return n[1] == name })
	}
	return ok && named(browsers, browser) && named(systems, system)
}

func find(names [][2]string, in string) string {
	for _, n := range names {
		if strings.Contains(in, n[0]) {
			return n[1]
		}
	}
	return ""
}
