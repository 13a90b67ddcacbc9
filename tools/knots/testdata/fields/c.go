package fields

type record struct{ n int }
