package methods

func (t T[V]) Value() V { return t.v }
