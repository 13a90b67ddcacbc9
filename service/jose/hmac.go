package jose

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// MAC is a pool of HMAC-SHA-256 states with one key (RFC 2104). States are reused, because creating
// one takes as long as using it. It is safe for concurrent use.
type MAC struct{ states sync.Pool }

// macState is one HMAC state. It copies its input, so that the caller's buffer does not escape to
// the heap.
type macState struct {
	hash hash.Hash
	text []byte
}

// NewMAC returns a MAC with a key.
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
