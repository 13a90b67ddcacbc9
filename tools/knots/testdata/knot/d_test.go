package knot

var _ = C
