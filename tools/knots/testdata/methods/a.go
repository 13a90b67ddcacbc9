// Package methods has a knot of two files through a method of a generic type.
package methods

type T[V any] struct{ v V }

func Use(t T[int]) int { return t.Value() }
