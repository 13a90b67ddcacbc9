package knot

func C() string { return A(1) + B(1) }
