package knot

func B(n int) string { return A(n) }
