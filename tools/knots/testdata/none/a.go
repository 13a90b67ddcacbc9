// Package none has no knot: a local variable of the same name is no use of another file.
package none

func a() int { b := 1; return b }
