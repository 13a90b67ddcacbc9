package jose

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// MAC are states of HMAC-SHA-256 with one key (RFC 2104), which are used again: to
// make one takes as long as to use it. It is safe for concurrent use.
type MAC struct{ states sync.Pool }

// macState is one of them. What it digests is copied into it, so that the caller's
// stays where it is.
type macState struct {
	hash hash.Hash
	text []byte
}

// NewMAC returns a MAC under a key.
func NewMAC(key []byte) *MAC {
	return &MAC{sync.Pool{New: func() any { return &macState{hash: hmac.New(sha256.New, key)} }}}
}

// Sum appends the MAC of a text to b.
func Sum[T string | []byte](m *MAC, b []byte, text T) []byte {
	s := m.states.Get().(*macState)
	s.hash.Reset()
	s.text = append(s.text[:0], text...)
	s.hash.Write(s.text)
	b = s.hash.Sum(b)
	m.states.Put(s)
	return b
}
