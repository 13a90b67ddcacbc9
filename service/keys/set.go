package keys

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"latchkey/repository"
	"latchkey/service/jose"
)

// State is where a key is in its life.
type State string

// The states, in their order.
const (
	Next    State = "next"    // published and honoured, signs nothing yet
	Active  State = "active"  // signs
	Retired State = "retired" // honoured while a token that it signed may live
	Revoked State = "revoked" // honoured no more
)

// entry is a key of a set, with the times that decide its state.
type entry struct {
	jose.Key
	use       Use
	createdAt time.Time
	activeAt  time.Time // zero while it stands by
	revokedAt time.Time // zero: it is not
	retiredAt time.Time // when the next one is activated; zero: nobody knows yet
	until     time.Time // when the last token that it signed has expired; zero likewise
	fromFile  bool      // its times are an order, and nothing else
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

// honours reports whether a token that the key signed may be accepted, one that
// is late included.
func (e *entry) honours(now time.Time, late time.Duration) bool {
	return e.revokedAt.IsZero() && !e.unread && (e.until.IsZero() || now.Before(e.until.Add(late)))
}

// signs reports whether the key has a time to sign: one that was revoked before
// it came has none.
func (e *entry) signs() bool {
	return !e.unread && !e.activeAt.IsZero() && (e.revokedAt.IsZero() || e.revokedAt.After(e.activeAt))
}

// Set is the keys as they were at one moment. It does not change; a set with
// other keys, or with one of them revoked, is another set.
type Set struct {
	entries []*entry // in the order in which they sign
	byID    map[name]*entry
	source  []byte // what ParseJWKS read
}

// name is by what a token names its key: a kid is of one use.
type name struct {
	use Use
	kid string
}

// newSet works out the times that follow from others: a key retires when the
// next one is activated, and is honoured for a lifetime of its tokens more.
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
			return b.activeAt.Compare(a.activeAt) // what stands by comes last
		}
		return cmp.Or(a.activeAt.Compare(b.activeAt), a.createdAt.Compare(b.createdAt), cmp.Compare(a.ID, b.ID))
	})
	return s
}

// signer returns the key that signs at a moment. Where there is none, since it
// was revoked or the clock here is behind that of whoever activated it, the one
// that comes next does so early: it is honoured already.
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

// standby returns the key of a use that waits for its time to be set.
func (s *Set) standby(use Use) (*entry, bool) {
	for _, e := range s.entries {
		if e.use == use && e.activeAt.IsZero() && e.revokedAt.IsZero() {
			return e, true
		}
	}
	return nil, false
}

// last returns the key of a use that is activated last, now or in the future, and is not
// revoked; nil if there is none.
func (s *Set) last(use Use) (last *entry) {
	for _, e := range s.entries { // in the order in which they sign
		if e.use == use && !e.activeAt.IsZero() && e.revokedAt.IsZero() {
			last = e
		}
	}
	return last
}

// Info is what may be shown of a key.
type Info struct {
	ID        string
	Use       Use
	Algorithm jose.Algorithm
	State     State
	CreatedAt time.Time
	ActiveAt  time.Time // zero: not decided
	RetiredAt time.Time // zero: not decided
	RevokedAt time.Time // zero: it is not
	Until     time.Time // the end of what it signed; zero: not decided
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

// find returns a key by its id, of whichever use.
func (s *Set) find(id string) *entry {
	for _, e := range s.entries {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// Find returns what may be shown of a key, of whichever use, as it is at a moment; false for an
// unknown id.
func (s *Set) Find(id string, now time.Time) (Info, bool) {
	if e := s.find(id); e != nil {
		return e.info(now), true
	}
	return Info{}, false
}

// latest is when the last key of a use becomes active, as far as it is decided.
func (s *Set) latest(use Use) time.Time {
	var latest time.Time
	for _, e := range s.entries {
		if e.use == use && e.activeAt.After(latest) {
			latest = e.activeAt
		}
	}
	return latest
}

// Keys lists the keys as they are at a moment.
func (s *Set) Keys(now time.Time) []Info {
	list := make([]Info, len(s.entries))
	for i, e := range s.entries {
		list[i] = e.info(now)
	}
	return list
}
