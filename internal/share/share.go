package share

import (
	"net/netip"
	"sync"
)

// Shares bounds how much of something each address holds at a time, so that one
// address cannot take all of it.
type Shares struct {
	mu   sync.Mutex
	held map[string]int
}

// New returns shares of which nobody holds any.
func New() *Shares { return &Shares{held: map[string]int{}} }

// Take takes one more for an address, of at most so many; false if it holds as many
// already. An empty address has no bound.
func (s *Shares) Take(address string, most int) bool {
	if address == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[address] >= most {
		return false
	}
	s.held[address]++
	return true
}

// Return returns one.
func (s *Shares) Return(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[address] > 1 {
		s.held[address]--
	} else {
		delete(s.held, address)
	}
}

// Of is what one address may hold of so many places: a quarter, and one at least.
func Of(places int) int { return max(1, places/4) }

// Prefix is the network that an address stands for: one house has as many IPv6
// addresses as it likes. What is no address has none.
func Prefix(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	bits := 32
	if a = a.Unmap(); a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
