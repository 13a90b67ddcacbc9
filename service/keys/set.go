package keys

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"latchkey/repository"
	"latchkey/service/jose"
)

// State is the state of a key in its life cycle.
type State string

// The states, in order.
const (
	Next    State = "next"    // published and accepted; does not sign yet
	Active  State = "active"  // signs
	Retired State = "retired" // accepted while a token that it signed may be valid
	Revoked State = "revoked" // no longer accepted
)

// entry is a key of a set, with the times that decide its state.
type entry struct {
	jose.Key
	use       Use
	createdAt time.Time
	activeAt  time.Time // zero for the standby key
	revokedAt time.Time // zero: not revoked
	retiredAt time.Time // when the next key is activated; zero: not known yet
	until     time.Time // when the last token that it signed expires; zero: not known yet
	fromFile  bool      // its times give only an order
	unread    bool      // it could not be decrypted: it signs and verifies nothing

	header string // of the tokens that it signs, encoded
}

func (e *entry) state(now time.Time) State {
	switch {
	case !e.revokedAt.IsZero():
		return Revoked
	case e.activeAt.IsZero() || e.activeAt.After(now):
		return Next
	case e.retiredAt.IsZero() || e.retiredAt.After(now):
		return Active
	}
	return Retired
}

// A token of the key may be accepted up to late after the token's expiry.
func (e *entry) accepts(now time.Time, late time.Duration) bool {
	return e.revokedAt.IsZero() && !e.unread && (e.until.IsZero() || now.Before(e.until.Add(late)))
}

// signs reports whether the key ever signs. A key that was revoked before its activation never
// does.
func (e *entry) signs() bool {
	return !e.unread && !e.activeAt.IsZero() && (e.revokedAt.IsZero() || e.revokedAt.After(e.activeAt))
}

// Set is an immutable snapshot of the keys. A change of keys, or a revocation, makes a new Set.
type Set struct {
	entries []*entry // in the order in which they sign
	byID    map[name]*entry
	source  []byte // the text that ParseJWKS parsed
}

// name is the key ID in a token together with the use, because a kid has one use.
type name struct {
	use Use
	kid string
}

// newSet computes the times that depend on other keys: a key retires when the next key is
// activated, and is accepted for one more lifetime of its tokens.
func newSet(entries []entry, lifetime map[Use]time.Duration) *Set {
	s := &Set{byID: make(map[name]*entry, len(entries))}
	for i := range entries {
		e := &entries[i]
		if e.retiredAt.IsZero() && e.signs() {
			for _, o := range entries {
				if o.use == e.use && o.signs() && o.activeAt.After(e.activeAt) && (e.retiredAt.IsZero() || o.activeAt.Before(e.retiredAt)) {
					e.retiredAt = o.activeAt
					e.until = o.activeAt.Add(lifetime[e.use] + MaxLeeway)
				}
			}
		}
		e.header = jose.EncodeHeader(e.Algorithm, e.ID, typeOf(e.use))
		s.entries = append(s.entries, e)
		s.byID[name{e.use, e.ID}] = e
	}
	slices.SortFunc(s.entries, func(a, b *entry) int {
		if a.activeAt.IsZero() != b.activeAt.IsZero() {
			return b.activeAt.Compare(a.activeAt) // the standby key comes last
		}
		return cmp.Or(a.activeAt.Compare(b.activeAt), a.createdAt.Compare(b.createdAt), cmp.Compare(a.ID, b.ID))
	})
	return s
}

// signer returns the key that signs at a moment. There may be no active key, because it was
// revoked, or because another replica activated its successor and our clock is behind. Then the
// next key signs early: it is accepted already.
func (s *Set) signer(use Use, now time.Time) (*entry, error) {
	var latest, next *entry
	for _, e := range s.entries { // in the order in which they sign
		switch {
		case e.use != use || !e.signs():
		case !e.activeAt.After(now):
			latest = e
		case next == nil && e.revokedAt.IsZero():
			next = e
		}
	}
	switch {
	case latest != nil && latest.revokedAt.IsZero():
		return latest, nil
	case next != nil:
		return next, nil
	}
	return nil, fmt.Errorf("%w: no active key for %s tokens", repository.ErrUnavailable, use)
}

// standby returns the standby key of a use, whose activation time is not set yet.
func (s *Set) standby(use Use) (*entry, bool) {
	for _, e := range s.entries {
		if e.use == use && e.activeAt.IsZero() && e.revokedAt.IsZero() {
			return e, true
		}
	}
	return nil, false
}

// last returns the key of a use that is activated last, now or in the future, and is not revoked.
// It returns nil if there is none.
func (s *Set) last(use Use) (last *entry) {
	for _, e := range s.entries { // in the order in which they sign
		if e.use == use && !e.activeAt.IsZero() && e.revokedAt.IsZero() {
			last = e
		}
	}
	return last
}

// Info is the public description of a key.
type Info struct {
	ID        string
	Use       Use
	Algorithm jose.Algorithm
	State     State
	CreatedAt time.Time
	ActiveAt  time.Time // zero: not decided
	RetiredAt time.Time // zero: not decided
	RevokedAt time.Time // zero: not revoked
	Until     time.Time // when its last token expires; zero: not decided
}

func (e *entry) info(now time.Time) Info {
	if e.fromFile {
		return Info{ID: e.ID, Use: e.use, Algorithm: e.Algorithm, State: e.state(now)}
	}
	return Info{
		ID: e.ID, Use: e.use, Algorithm: e.Algorithm, State: e.state(now), CreatedAt: e.createdAt, ActiveAt: e.activeAt,
		RetiredAt: e.retiredAt, RevokedAt: e.revokedAt, Until: e.until,
	}
}

// find returns the key with an ID, of any use.
func (s *Set) find(id string) *entry {
	for _, e := range s.entries {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// Find returns the description of a key of any use at a moment. It returns false for an unknown ID.
func (s *Set) Find(id string, now time.Time) (Info, bool) {
	if e := s.find(id); e != nil {
		return e.info(now), true
	}
	return Info{}, false
}

// latest returns when the last key of a use becomes active, as far as that is decided.
func (s *Set) latest(use Use) time.Time {
	var latest time.Time
	for _, e := range s.entries {
		if e.use == use && e.activeAt.After(latest) {
			latest = e.activeAt
		}
	}
	return latest
}

// Keys returns the keys with their states at a moment.
func (s *Set) Keys(now time.Time) []Info {
	list := make([]Info, len(s.entries))
	for i, e := range s.entries {
		list[i] = e.info(now)
	}
	return list
}
