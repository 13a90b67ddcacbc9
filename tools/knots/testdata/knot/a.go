// Package knot has a knot of two files, and a third that only uses them.
package knot

import "strings"

func A(n int) string {
	if n == 0 {
		return strings.ToUpper("a")
	}
	return B(n - 1)
}
