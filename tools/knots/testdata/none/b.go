package none

func b() int { return a() }
