package testout

import (
	"regexp"
	"slices"
	"strings"
)

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// Failures returns the names of the tests that failed, the deepest first, without those
// that failed because a sub-test did.
func Failures(out []byte) (names []string) {
	for _, match := range failure.FindAllSubmatch(out, -1) {
		names = append(names, string(match[1]))
	}
	slices.SortStableFunc(names, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	parents := map[string]bool{}
	for _, name := range names {
		parents[name[:max(0, strings.LastIndexByte(name, '/'))]] = true
	}
	return slices.DeleteFunc(names, func(name string) bool { return parents[name] })
}

// Pattern is what -run takes for one test.
func Pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
