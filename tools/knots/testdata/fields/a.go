// Package fields has a knot of two files through a field that the first file reads
// without the name of its type.
package fields

func First() int { return second().n }
