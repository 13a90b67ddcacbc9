package share

import (
	"net/netip"
	"sync"
)

// Shares limits how much of a resource each address holds at a time, so that one address cannot
// take all of it.
type Shares struct {
	mu   sync.Mutex
	held map[string]int
}

// New returns Shares that no address holds yet.
func New() *Shares { return &Shares{held: map[string]int{}} }

// Take takes one share for an address. It returns false if the address already holds most
// shares. An empty address has no limit.
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

// Return returns one share of an address.
func (s *Shares) Return(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[address] > 1 {
		s.held[address]--
	} else {
		delete(s.held, address)
	}
}

// Of returns how many of the places one address may hold: a quarter, and at least one.
func Of(places int) int { return max(1, places/4) }

// Prefix returns the network of an address, because one household has any number of IPv6
// addresses. It returns "" for a text that is not an address.
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
