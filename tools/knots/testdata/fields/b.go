package fields

var first = First

func second() record { return record{} }
